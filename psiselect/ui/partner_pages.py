"""The pages of a match with a partner: who both are, the terms, and the session."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from psi.identity.identity import Identity, PeerIdentity
from psi.transport.address import Address
from psiselect.base.errors import InputError, PsiselectError, UsageError
from psiselect.identities import load_identity
from psiselect.ui.desk import Desk, working
from psiselect.ui.forms import Sent, whole
from psiselect.ui.match import LEARN, REVEAL, Match, Terms
from psiselect.ui.told import told

_MOST_MINIMUM = 10**9
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class PartnerPages:
    """The pages, at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/match/{task}/partner", self.partner, methods=["GET", "POST"]),
            Route("/match/{task}/certificate", self.certificate, methods=["GET"]),
            Route("/match/{task}/terms", self.terms, methods=["GET", "POST"]),
            Route("/match/{task}/session", self.session, methods=["GET", "POST"]),
            Route("/match/{task}/record", self.record, methods=["GET"]),
        ]

    async def partner(self, request: Request) -> Response:
        """The own identity, the partner's certificate, and the telephone call."""
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
            return self._desk.refusal(422, "Your identities cannot be read", told(error))
        return self._desk.page(
            "match_partner.html",
            422 if sent.errors else 200,
            task=name,
            match=task,
            sent=sent,
            names=names,
            groups=in_groups,
        )

    def _names(self) -> list[str]:
        return sorted(path.stem for path in self._desk.folder.certificates())

    def _named(self, name: str, task: Match, sent: Sent) -> Response:
        what = sent.one_of("do", "identity", "peer", "other-identity", "other-peer", "sure")
        with task.lock:
            try:
                if what == "identity":
                    task.identity, task.sure = self._identity(sent), False
                elif what == "other-identity":
                    task.identity, task.sure = None, False
                elif what == "peer":
                    task.peer, task.sure = _peer(sent, task.identity), False
                elif what == "other-peer":
                    task.peer, task.sure = None, False
                elif task.identity is not None and task.peer is not None:
                    task.sure = sent.text("compared") == "yes"
                    if task.sure:
                        return self._desk.to(f"/match/{name}/terms")
                    sent.errors["compared"] = "Telephone your partner first, and compare both fingerprints."
            except UsageError as error:
                sent.errors["name"] = told(error)
            except PsiselectError as error:
                sent.errors["certificate" if what == "peer" else "name"] = told(error)
            finally:
                sent.close()
            return self._who(name, task, sent) if sent.errors else self._desk.to(f"/match/{name}/partner")

    def _identity(self, sent: Sent) -> Identity:
        """The one that was chosen, or a new one. Raises UsageError, InputError."""
        names = self._names()
        chosen = sent.one_of("own", "", *names)
        folder = self._desk.folder.identities()
        if chosen:
            return load_identity(folder / chosen, _nobody)
        wanted = sent.text("name")
        if not _NAME.fullmatch(wanted):
            raise UsageError(
                "use 1 to 63 letters from a to z, digits, points, hyphens or underscores, such as acme or red-cross"
            )
        if wanted in names:
            raise UsageError("you have an identity of this name; choose it above, or take another name")
        return Identity.create(wanted, folder)

    async def certificate(self, request: Request) -> Response:
        """The own certificate, to be sent to the partner."""
        identity = self._desk.tasks.find(request.path_params["task"], Match).identity
        if identity is None:
            return self._desk.refusal(404, "No such file", "Choose your identity first.")
        return FileResponse(
            identity.certificate_path, media_type="application/x-pem-file", filename=f"{identity.name}.crt"
        )

    async def terms(self, request: Request) -> Response:
        """Who gets what, and how both sides meet."""
        name = request.path_params["task"]
        task = self._desk.tasks.find(name, Match)
        if not task.sure:
            return self._desk.to(f"/match/{name}/partner")
        if request.method != "POST":
            return self._terms(name, task, Sent(_fields(task.terms or Terms())))
        return await working(self._agreed, name, task, await self._desk.sent(request))

    def _terms(self, name: str, task: Match, sent: Sent) -> Response:
        return self._desk.page(
            "match_terms.html",
            422 if sent.errors else 200,
            task=name,
            match=task,
            sent=sent,
            learn=LEARN,
            reveal=REVEAL,
        )

    def _agreed(self, name: str, task: Match, sent: Sent) -> Response:
        minimum = whole(sent, "minimum", 1, _MOST_MINIMUM, "the smallest result")
        port = whole(sent, "port", 1, 65535, "the port")
        if not port:
            sent.errors.setdefault("port", "Write the port: a number from 1 to 65535, such as 7001.")
        waits = sent.one_of("role", "wait", "call") == "wait"
        host = sent.text("host")
        found = Terms(
            sent.one_of("learn", *LEARN), sent.one_of("reveal", *REVEAL), minimum, waits, host, str(port or "")
        )
        if not waits and not sent.errors:
            try:
                if not host:
                    raise UsageError("empty")
                Address.parse(found.address)
            except PsiselectError:
                sent.errors["host"] = "Write the address of your partner’s machine, such as match.acme.example."
        if sent.errors:
            return self._terms(name, task, sent)
        with task.lock:
            if not task.busy and task.found is None:
                task.terms = found
        return self._desk.to(f"/match/{name}/session")

    async def session(self, request: Request) -> Response:
        """What will happen, and the beginning of it."""
        name = request.path_params["task"]
        task = self._desk.tasks.find(name, Match)
        if task.terms is None:
            return self._desk.to(f"/match/{name}/terms")
        if task.busy or task.found is not None:
            return self._desk.to(f"/match/{name}/work")
        if request.method == "POST":
            await self._desk.sent(request)
            return await working(self._started, name, task)
        return self._desk.page(
            "match_session.html", task=name, match=task, terms=task.terms, learn=LEARN, reveal=REVEAL
        )

    def _started(self, name: str, task: Match) -> Response:
        with task.lock:
            if not task.busy and task.found is None:
                task.begin_session()
        return self._desk.to(f"/match/{name}/work")

    async def record(self, request: Request) -> Response:
        """What both sides signed, as a file."""
        found = self._desk.tasks.find(request.path_params["task"], Match).found
        if found is None or found.record is None:
            return self._desk.refusal(404, "No such file", "Use the links of the page.")
        return FileResponse(found.record, media_type="application/json", filename="record.json")


def in_groups(fingerprint: bytes) -> list[str]:
    """A fingerprint as it is read out: lines of four groups of four digits."""
    text = fingerprint.hex()
    groups = [text[at : at + 4] for at in range(0, len(text), 4)]
    return [" ".join(groups[at : at + 4]) for at in range(0, len(groups), 4)]


def _peer(sent: Sent, own: Identity | None) -> PeerIdentity:
    """The partner's certificate. Raises InputError."""
    upload = sent.upload
    if upload is None or upload.size == 0:
        raise InputError("Choose the file that your partner has sent you. Its name ends in .crt.")
    try:
        found = PeerIdentity.load(upload.path)
    except PsiselectError as error:
        if "expired" in str(error) or "not valid before" in str(error):
            raise
        words = "This is no certificate of psiselect. Ask your partner for the file that ends in .crt."
        raise InputError(words) from None
    if own is not None and found.fingerprint == own.fingerprint:
        raise InputError("This is your own certificate. Choose the one that your partner has sent you.")
    return found


def _fields(terms: Terms) -> dict[str, str]:
    return {
        "learn": terms.learn,
        "reveal": terms.reveal,
        "minimum": str(terms.minimum or ""),
        "role": "wait" if terms.waits else "call",
        "host": terms.host,
        "port": terms.port,
    }


def _nobody(text: str) -> None:
    """What the command would print of an identity; the page shows its state in words of its own."""
