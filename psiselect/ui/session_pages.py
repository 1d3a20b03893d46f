"""The page on which a match begins: the telephone call, what both sides agree on, and how they meet."""

from __future__ import annotations

import hmac
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from psi.identity.identity import Identity, PeerIdentity
from psi.transport.address import Address
from psiselect.base.errors import PsiselectError
from psiselect.ui import match_commands, words, words_choices
from psiselect.ui.desk import Desk, working
from psiselect.ui.forms import Sent, whole
from psiselect.ui.match import Match
from psiselect.ui.match_terms import GETS, REVEAL, WAYS, Terms
from psiselect.ui.told import told

_MOST_MINIMUM = 10**9
_MOST_DECIMALS = 12
_MORE = ("minimum", "receive", "value", "decimals", "largest")  # fields that are folded away while they are empty
FIELDS = words_choices.SESSION_FIELDS


class SessionPages:
    """The pages, at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/match/{task}/session", self.session, methods=["GET", "POST"]),
            Route("/match/{task}/record", self.record, methods=["GET"]),
            Route("/match/{task}/file", self.made, methods=["GET"]),
        ]

    async def session(self, request: Request) -> Response:
        """The call, the terms, and the beginning."""
        name = request.path_params["task"]
        task = self._desk.tasks.find(name, Match)
        if task.identity is None or task.peer is None or not task.checked:
            return self._desk.to(f"/match/{name}/partner")
        if task.busy or task.over:
            return self._desk.to(f"/match/{name}/work")
        if request.method != "POST":
            return self._shown(name, task, Sent(_fields(task.terms or Terms(), task)))
        return await working(self._begun, name, task, await self._desk.sent(request))

    def _shown(self, name: str, task: Match, sent: Sent) -> Response:
        if task.identity is None or task.peer is None:
            return self._desk.to(f"/match/{name}/partner")
        return self._desk.page(
            "match_session.html",
            422 if sent.errors else 200,
            task=name,
            match=task,
            sent=sent,
            labels=FIELDS,
            both=_both(task.identity, task.peer),
            groups=in_groups,
            gets=GETS,
            reveal=REVEAL,
            more=any(sent.text(each) or each in sent.errors for each in _MORE) or _sends(sent, task) != (),
            commands=match_commands.of_ways(task, task.terms or Terms(matching=task.matching)),
        )

    def _begun(self, name: str, task: Match, sent: Sent) -> Response:
        offer = sent.uploads.get("offer")
        used = False
        try:
            with task.lock:
                if task.identity is None or task.peer is None or task.busy or task.over:
                    return self._desk.to(f"/match/{name}/session")
                terms = _terms(task, sent)
                # What was compared is what this page has shown, and not what another window has chosen meanwhile.
                same = hmac.compare_digest(sent.text("both").encode(), _both(task.identity, task.peer).encode())
                task.sure = sent.text("compared") == "yes" and same
                if not task.sure:
                    sent.errors["compared"] = words.TELEPHONE_FIRST
                if terms.way == "answer" and (offer is None or offer.size == 0):
                    sent.errors["offer"] = words.CHOOSE_OFFER
                if not sent.errors:
                    task.terms = terms
                    try:
                        used = True
                        task.begin_session(offer)
                    except PsiselectError as error:
                        used = False
                        sent.errors["all"] = told(error)
                if sent.errors:
                    return self._shown(name, task, sent)
        finally:
            if not used:
                sent.close()
        return self._desk.to(f"/match/{name}/work")

    async def record(self, request: Request) -> Response:
        """What both sides signed, as a file."""
        found = self._desk.tasks.find(request.path_params["task"], Match).found
        if found is None or found.record is None:
            return self._desk.refusal(404, words.NO_FILE, words.USE_LINKS)
        return FileResponse(found.record, media_type="application/json", filename="record.json")

    async def made(self, request: Request) -> Response:
        """The file for the partner."""
        task = self._desk.tasks.find(request.path_params["task"], Match)
        made = task.made
        if made is None or (task.exchange is not None and task.exchange.gone):
            return self._desk.refusal(404, words.NO_FILE, words.USE_LINKS)
        return FileResponse(made.file, media_type="application/octet-stream", filename=Path(made.file).name)


def _terms(task: Match, sent: Sent) -> Terms:
    """What was agreed on, as far as it is well said; what is not is noted."""
    way = sent.one_of("do", *WAYS)
    minimum = whole(sent, "minimum", 1, _MOST_MINIMUM, words.SMALLEST_RESULT)
    port = whole(sent, "port", 1, 65535, words.THE_PORT)
    if not port:
        sent.errors.setdefault("port", words.WRITE_PORT)
    reveal = sent.one_of("reveal", *REVEAL)
    receive = tuple(dict.fromkeys(line.strip() for line in sent.text("receive").splitlines() if line.strip()))
    decimals = sent.text("decimals")
    if decimals not in ("", "0"):
        decimals = str(whole(sent, "decimals", 0, _MOST_DECIMALS, words.NUMBER_OF_PLACES) or "")
    found = Terms(
        way=way,
        gets=sent.one_of("gets", *GETS),
        reveal=reveal,
        matching=task.matching,
        minimum=minimum,
        host=sent.text("host"),
        port=str(port or ""),
        send=_sends(sent, task),
        receive=receive,
        value=sent.one_of("value", "", *task.given.columns),
        decimals=decimals,
        largest=sent.text("largest").replace(",", ""),
    )
    if way == "call" and "port" not in sent.errors:
        try:
            if not found.host:
                raise words.no_address()
            Address.parse(found.address)
        except PsiselectError:
            sent.errors["host"] = words.WRITE_ADDRESS
    if reveal == "sum" and found.learn != "me" and not found.value:
        sent.errors["value"] = words.CHOOSE_VALUES
    if reveal == "sum" and found.by_files:
        sent.errors["all"] = words.SUM_NEEDS_BOTH
    return found


def _sends(sent: Sent, task: Match) -> tuple[str, ...]:
    """The columns that the partner gets."""
    return tuple(each for number, each in enumerate(task.given.columns) if sent.text(f"send_{number}"))


def in_groups(fingerprint: bytes) -> list[str]:
    """A fingerprint as it is read out: lines of four groups of four digits."""
    text = fingerprint.hex()
    groups = [text[at : at + 4] for at in range(0, len(text), 4)]
    return [" ".join(groups[at : at + 4]) for at in range(0, len(groups), 4)]


def _both(own: Identity, peer: PeerIdentity) -> str:
    """Which two certificates a page shows."""
    return own.fingerprint.hex() + peer.fingerprint.hex()


def _fields(terms: Terms, task: Match) -> dict[str, str]:
    sending = {f"send_{number}": "yes" for number, each in enumerate(task.given.columns) if each in terms.send}
    return {
        "gets": terms.gets,
        "reveal": terms.reveal,
        "minimum": str(terms.minimum or ""),
        "host": terms.host,
        "port": terms.port,
        "receive": "\n".join(terms.receive),
        "value": terms.value,
        "decimals": terms.decimals,
        "largest": terms.largest,
        **sending,
    }
