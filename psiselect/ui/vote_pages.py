"""The pages of an election: ballots, check, protection, draw, announcement."""

from __future__ import annotations

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dpselect.ballots import OnInvalid, Other, Repeated, parse_candidates
from dpselect.privacy import parse_epsilon
from psiselect.base.errors import PsiselectError, UsageError
from psiselect.elections.draws import DrawRecord
from psiselect.ui import words
from psiselect.ui.desk import Desk, working
from psiselect.ui.forms import Sent, whole
from psiselect.ui.told import told
from psiselect.ui.vote import STOPS, How, Vote, on_record, wish_of

_MOST_VOTERS = 10**10
_MOST_SEATS = 10_000
_STOPS = {epsilon: str(float(epsilon)).removesuffix(".0") for epsilon in STOPS}  # as the slider sends them


class VotePages:
    """The pages, at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/vote", self.begin, methods=["GET", "POST"]),
            Route("/vote/{task}", self.check, methods=["GET", "POST"]),
            Route("/vote/{task}/protection", self.protect, methods=["GET", "POST"]),
            Route("/vote/{task}/draw", self.draw, methods=["GET", "POST"]),
            Route("/vote/{task}/result", self.result, methods=["GET"]),
        ]

    async def begin(self, request: Request) -> Response:
        """The name, the ballots and the candidates."""
        if request.method != "POST":
            return self._desk.page("vote.html", sent=Sent({}))
        return await working(self._begun, await self._desk.sent(request))

    def _begun(self, sent: Sent) -> Response:
        name, listed = sent.text("name"), sent.text("candidates")
        made = False
        try:
            candidates = None
            try:
                record = self._desk.folder.draws_of(name)
                earlier = on_record(name, DrawRecord(record))
            except UsageError:
                sent.errors["name"] = words.NAME_THE_ELECTION
                earlier = None
            except PsiselectError as error:
                sent.errors["name"] = told(error)
                earlier = None
            if earlier is not None:
                return self._desk.page("announcement.html", found=earlier, before=True)
            if sent.upload is None:
                sent.errors["ballots"] = words.CHOOSE_BALLOTS
            elif sent.upload.size == 0:
                sent.errors["ballots"] = words.EMPTY_BALLOTS
            try:
                candidates = parse_candidates(listed.encode(), "candidates") if listed else None
            except PsiselectError as error:
                sent.errors["candidates"] = told(error)
            if sent.errors or sent.upload is None:
                return self._desk.page("vote.html", 422, sent=sent)
            vote = Vote(name, record, sent.upload, candidates)
            made = True
        finally:
            if sent.upload is not None and not made:
                sent.upload.close()
        return self._desk.to(f"/vote/{self._desk.tasks.add(vote)}")

    async def check(self, request: Request) -> Response:
        """What the reader says of the ballots, and how else to read them."""
        name = request.path_params["task"]
        vote = self._desk.tasks.find(name, Vote)
        if request.method != "POST":
            return self._shown(name, vote)
        return await working(self._checked, name, vote, await self._desk.sent(request))

    def _shown(self, name: str, vote: Vote) -> Response:
        if vote.announced is not None:
            return self._desk.to(f"/vote/{name}/result")
        return self._desk.page("vote_check.html", 422 if vote.problem else 200, task=name, vote=vote)

    def _checked(self, name: str, vote: Vote, sent: Sent) -> Response:
        how = How(
            sent.one_of("column", "", *vote.columns),
            sent.text("separator"),
            sent.one_of("other", *(each.value for each in Other)),
            sent.one_of("on_invalid", *(each.value for each in OnInvalid)),
            sent.one_of("voter_column", "", *vote.columns),
            sent.one_of("repeated", *(each.value for each in Repeated)),
        )
        if how.voter_column and how.on_invalid == OnInvalid.DROP.value and how.repeated == Repeated.ERROR.value:
            how = replace(how, repeated=Repeated.LAST.value)  # to stop would depend on the ballots
        with vote.lock:
            changed = how != vote.how
            if changed and vote.announced is None:
                vote.read(how)
            if vote.reading is not None and not changed:
                return self._desk.to(f"/vote/{name}/protection")
        return self._desk.to(f"/vote/{name}")

    async def protect(self, request: Request) -> Response:
        """How well each voter is protected, and what that does to the result."""
        name = request.path_params["task"]
        vote = self._desk.tasks.find(name, Vote)
        if vote.reading is None or vote.announced is not None:
            return self._desk.to(f"/vote/{name}")
        if request.method != "POST":
            return await working(self._protection, name, vote, Sent(_chosen(vote)))
        return await working(self._protected, name, vote, await self._desk.sent(request))

    def _protection(self, name: str, vote: Vote, sent: Sent) -> Response:
        stops = vote.stops()
        now = sent.text("epsilon") if sent.text("epsilon") in _STOPS.values() else "1"
        place = list(_STOPS.values()).index(now)
        return self._desk.page(
            "vote_protection.html",
            422 if sent.errors else 200,
            task=name,
            vote=vote,
            sent=sent,
            expected=vote.expectations(),
            stops=[(text, *stop[1:]) for text, stop in zip(_STOPS.values(), stops, strict=True)],
            now=place,
        )

    def _protected(self, name: str, vote: Vote, sent: Sent) -> Response:
        if vote.reading is None:
            return self._desk.to(f"/vote/{name}")
        entitled = whole(sent, "entitled", 1, _MOST_VOTERS, words.PEOPLE_WHO_MAY_VOTE) or None
        lead = whole(sent, "lead", 1, _MOST_VOTERS, words.LEAD_IN_VOTES) or None
        most = min(_MOST_SEATS, len(vote.reading.profile.candidates) - 1)
        seats = 0
        if most < 1:
            sent.errors["seats"] = words.ONE_CANDIDATE
        else:
            seats = whole(sent, "seats", 1, most, words.NUMBER_OF_SEATS) or (0 if "seats" in sent.errors else 1)
        other = "epsilon_other" if sent.text("epsilon_other") else "epsilon"
        looking = sent.text("do") == "look"
        try:
            epsilon = parse_epsilon(sent.text(other))
        except PsiselectError:
            sent.errors[other] = words.CHOOSE_PROTECTION
        if sent.errors:
            return self._protection(name, vote, sent)
        with vote.lock:
            vote.entitled, vote.lead = entitled, lead
            vote.wish = wish_of(epsilon, sent.one_of("neighbors", "add-remove", "replace"), seats)
        return self._desk.to(f"/vote/{name}/{'protection#expected' if looking else 'draw'}")

    async def draw(self, request: Request) -> Response:
        """What will be drawn, and the one draw."""
        name = request.path_params["task"]
        vote = self._desk.tasks.find(name, Vote)
        if vote.announced is not None:
            return self._desk.to(f"/vote/{name}/result")
        if vote.wish is None or vote.reading is None:
            return self._desk.to(f"/vote/{name}")
        if request.method != "POST":
            return self._desk.page("vote_draw.html", task=name, vote=vote, wish=vote.wish, error=None)
        await self._desk.sent(request)
        return await working(self._drawn, name, vote)

    def _drawn(self, name: str, vote: Vote) -> Response:
        with vote.lock:
            try:
                if vote.announced is None:
                    vote.draw()
            except PsiselectError as error:
                return self._desk.page("vote_draw.html", 409, task=name, vote=vote, wish=vote.wish, error=told(error))
        return self._desk.to(f"/vote/{name}/result")

    async def result(self, request: Request) -> Response:
        """The announcement."""
        name = request.path_params["task"]
        vote = self._desk.tasks.find(name, Vote)
        if vote.announced is None:
            return self._desk.to(f"/vote/{name}")
        return self._desk.page("announcement.html", found=vote.announced, before=False)


def _chosen(vote: Vote) -> dict[str, str]:
    """The fields of the page on protection, as they were chosen."""
    public = {
        "entitled": "" if vote.entitled is None else str(vote.entitled),
        "lead": "" if vote.lead is None else str(vote.lead),
    }
    if vote.wish is None:
        return {"epsilon": "1", "neighbors": "add-remove", "seats": "1", **public}
    epsilon = vote.wish.epsilon
    return {
        "epsilon": _STOPS.get(epsilon, "1"),
        "epsilon_other": "" if epsilon in _STOPS else str(epsilon),
        "neighbors": vote.wish.neighbors.value,
        "seats": str(vote.wish.seats),
        **public,
    }
