"""The page that checks the signed record of a match, as `psiselect psi verify` does."""

from __future__ import annotations

import contextlib
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from psi.accounts.records import MAX_BYTES
from psi.agreement.modes import Side
from psi.identity.identity import PeerIdentity
from psiselect.base.errors import InputError, PsiselectError, RemoteError
from psiselect.matching import verifying
from psiselect.matching.verifying import Verified
from psiselect.ui import words, words_choices
from psiselect.ui.desk import Desk, working
from psiselect.ui.forms import Sent
from psiselect.ui.lists import command_line, file_word
from psiselect.ui.uploads import Upload, first_bytes

FIELDS = {"record": "Record", "certificate": "Your partner’s certificate"}
_REVEAL = words_choices.REVEALED
_DID = {Side.CONNECT: "called", Side.LISTEN: "waited"}


class RecordPages:
    """The pages, at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [Route("/budgets/record", self.check, methods=["GET", "POST"])]

    async def check(self, request: Request) -> Response:
        """The record, and what is true of it."""
        if request.method != "POST":
            return self._asked(Sent({}))
        return await working(self._checked, await self._desk.sent(request, files=2))

    def _asked(self, sent: Sent) -> Response:
        return self._desk.page("record.html", 422 if sent.errors else 200, sent=sent, labels=FIELDS)

    def _checked(self, sent: Sent) -> Response:
        try:
            record, certificate = sent.uploads.get("record"), sent.uploads.get("certificate")
            known = None
            if record is None or record.size == 0:
                sent.errors["record"] = words.CHOOSE_RECORD
            if certificate is not None:
                try:
                    known = PeerIdentity.from_pem(first_bytes(certificate, MAX_BYTES), "certificate")
                except InputError:
                    sent.errors["certificate"] = words.CERTIFICATE_OR_NONE
            if sent.errors or record is None:
                return self._asked(sent)
            return self._verified(record, certificate, known)
        finally:
            sent.close()

    def _verified(self, record: Upload, certificate: Upload | None, known: PeerIdentity | None) -> Response:
        data, peers = first_bytes(record, MAX_BYTES + 1), [] if known is None else [known]
        own, place = None, ""
        try:
            found = verifying.verify(data, record.called, [], None)
            for path in self._desk.folder.certificates():
                with contextlib.suppress(PsiselectError):
                    mine = PeerIdentity.read(path)
                    if found.record.side_of(mine.fingerprint) is not None:
                        own, place = mine, str(path.with_suffix(""))
            found = verifying.verify(data, record.called, peers, own)
        except (InputError, RemoteError) as error:
            return self._wrong(record, error, known)
        words = ["psiselect", "psi", "verify", file_word(record)]
        words += ["--peer", file_word(certificate)] if certificate is not None else []
        words += ["--identity", place] if own is not None else []
        return self._desk.page(
            "record_checked.html", called=record.called, command=command_line(words), own=own, **shown(found)
        )

    def _wrong(self, record: Upload, error: PsiselectError, known: PeerIdentity | None) -> Response:
        signer = known.name if known else words.YOUR_PARTNER
        if isinstance(error, InputError):
            title = words.NOT_WHOLE
            more = words.CHANGED_OR_CUT
        elif error.term == verifying.PARTIES:
            title = words.OF_OTHERS
            more = words.signed_by_others(signer)
        else:
            title = words.NOT_GENUINE
            more = words.DO_NOT_RELY
        return self._desk.page("record_wrong.html", 422, title=title, more=more, called=record.called)


def _rule(rule: str) -> str:
    """What was compared: in words where the page has them, with the exact rule."""
    name = words_choices.RULES.get(rule.partition("/")[0])
    return f"{name[0]} ({rule})" if name else rule


def shown(found: Verified) -> dict[str, Any]:
    """What the page shows of a record."""
    content = found.record.content
    terms = content["terms"]
    parties = [
        {
            "side": _DID[side],
            "name": party.name,
            "fingerprint": party.fingerprint.hex(),
            "named": found.is_named(side),
            "size": " + ".join(f"{number:,}" for number in content["sizes"][side.value]),
        }
        for side, party in found.record.certificates.items()
    ]
    gets = {"both": "Both of them"} | {side.value: found.record.certificates[side].name for side in Side}
    counts = content["counts"]
    return {
        "parties": parties,
        "date": found.date,
        "unit": found.unit,
        "gets": gets.get(terms["learn"], terms["learn"]),
        "reveal": _REVEAL.get(terms["reveal"], terms["reveal"]),
        "rules": [_rule(key["rule"]) for key in terms["keys"]],
        "minimum": terms["min_matches"],
        "matches": None if counts is None else " + ".join(f"{number:,}" for number in counts),
        "transcript": content["transcript"][:16],
        "protocol": content.get("status"),
    }
