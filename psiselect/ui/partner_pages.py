"""The page that says who takes part in a match: the own identity and the partner's certificate."""

from __future__ import annotations

import getpass
import re

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from psi.identity.identity import Identity, PeerIdentity
from psiselect.base.errors import InputError, PsiselectError, UsageError
from psiselect.identities import load_identity
from psiselect.ui import words
from psiselect.ui.desk import Desk, working
from psiselect.ui.forms import Sent
from psiselect.ui.match import Match
from psiselect.ui.told import told

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class PartnerPages:
    """The pages, at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [Route("/match/{task}/partner", self.partner, methods=["GET", "POST"])]

    async def partner(self, request: Request) -> Response:
        """The own identity and the partner's certificate."""
        name = request.path_params["task"]
        task = self._desk.tasks.find(name, Match)
        if not task.checked or task.other is not None:
            return self._desk.to(f"/match/{name}")
        if request.method != "POST":
            return await working(self._who, name, task, Sent({}))
        return await working(self._named, name, task, await self._desk.sent(request))

    def _who(self, name: str, task: Match, sent: Sent) -> Response:
        try:
            names = self._names()
        except PsiselectError as error:
            return self._desk.refusal(422, words.NO_IDENTITIES, told(error))
        return self._desk.page(
            "match_partner.html",
            422 if sent.errors else 200,
            task=name,
            match=task,
            sent=sent,
            names=names,
            usual=usual_name(names),
        )

    def _names(self) -> list[str]:
        return sorted(path.stem for path in self._desk.folder.certificates())

    def _named(self, name: str, task: Match, sent: Sent) -> Response:
        saving = sent.one_of("do", "go", "save") == "save"
        with task.lock:
            if task.busy or task.over:
                sent.close()
                return self._desk.to(f"/match/{name}/work")
            try:
                identity = self._identity(sent, task.identity)
                if task.identity is None or identity.fingerprint != task.identity.fingerprint:
                    task.identity, task.sure = identity, False
                if saving:
                    return FileResponse(
                        identity.certificate_path, media_type="application/x-pem-file", filename=f"{identity.name}.crt"
                    )
                if sent.upload is not None or task.peer is None:
                    task.peer, task.sure = _peer(sent, identity), False
                elif task.peer.fingerprint == identity.fingerprint:
                    raise words.own_certificate()
            except UsageError as error:
                sent.errors["name"] = told(error)
            except PsiselectError as error:
                sent.errors["certificate"] = told(error)
            finally:
                sent.close()
        return self._who(name, task, sent) if sent.errors else self._desk.to(f"/match/{name}/session")

    def _identity(self, sent: Sent, now: Identity | None) -> Identity:
        """The one that was chosen, or a new one. Raises UsageError, InputError."""
        names = self._names()
        chosen = sent.one_of("own", "", *names)
        folder = self._desk.folder.identities()
        # Whoever writes a name means a new identity, also where an older one is still marked above.
        written = sent.text("name")
        wanted = written or chosen
        if now is not None and wanted == now.name:
            return now
        if chosen and not written:
            try:
                return load_identity(folder / chosen, _nobody)
            except InputError as error:
                raise words.as_said(str(error)) from None
        if not _NAME.fullmatch(wanted):
            raise words.not_an_identity_name()
        if wanted in names:
            raise words.identity_exists()
        return Identity.create(wanted, folder)


def usual_name(taken: list[str]) -> str:
    """What the first identity is called, unless somebody says otherwise: as the user of this machine. Empty where that
    is no name, or where there are identities already."""
    try:
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", getpass.getuser()).strip("-._")[:63]
    except (OSError, KeyError):  # the system knows no such user
        name = ""
    return name if not taken and _NAME.fullmatch(name) and not name.endswith((".key", ".crt")) else ""


def _peer(sent: Sent, own: Identity) -> PeerIdentity:
    """The partner's certificate. Raises InputError."""
    upload = sent.upload
    if upload is None or upload.size == 0:
        raise words.no_certificate()
    try:
        found = PeerIdentity.load(upload.path)
    except PsiselectError as error:
        if "expired" in str(error) or "not valid before" in str(error):
            raise
        raise words.not_a_certificate() from None
    if found.fingerprint == own.fingerprint:
        raise words.own_certificate()
    return found


def _nobody(text: str) -> None:
    """What the command would print of an identity; the page shows its state in words of its own."""
