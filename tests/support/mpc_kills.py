"""A party that ends in the middle of a run, at a chosen frame, and how all others have to end then."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass

from mpc import parties
from mpc.messages import Message
from support.mpc_processes import Ended, Group

ARGUMENTS = {"sum": ("--value", "3"), "threshold": ("--value", "yes"), "argmax": ("--value", "3")}
COMMON = {"sum": ("--allow-two-inputs",), "threshold": (), "argmax": ()}
_MISSING = re.compile(
    r"there is no result: \S+ reports that (\S+) did not connect in time(?:.*\. \S+ has no connection to (.+) either)?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Case:
    """The victim ends before it sends the frame with that number, from 1, of that kind."""

    group: str
    victim: str
    function: str
    kind: Message
    number: int

    def __str__(self) -> str:
        return f"{self.group}-{self.victim}-{self.function}-{self.kind.name}-{self.number}"


def run(group: Group, case: Case, given: signal.Signals) -> tuple[Ended, dict[str, Ended]]:
    """How the victim ended, and all others."""
    first = ("support.mpc_signals:at_frame", case.kind.name, str(case.number), str(int(given)))
    roster = parties.load(group.parties)
    started = {
        name: group.start(
            name,
            case.function,
            *COMMON[case.function],
            *(ARGUMENTS[case.function] if roster[name].inputs else ()),
            first=first if name == case.victim else (),
        )
        for name in group.names
    }
    try:
        ended = {name: group.wait(process) for name, process in started.items()}
    finally:
        for process in started.values():
            process.kill()
            process.wait()
    return ended.pop(case.victim), ended


def may_hold(roster: parties.PartyList, case: Case) -> set[str]:
    """Who may hold the result without what the victim did not send. It sends in the order of the parties file."""
    peers = roster.peers(case.victim)
    sent = case.number - 1
    if case.kind in (Message.TERMS, Message.SHARE):
        return set()
    if case.kind is Message.PARTIAL:
        return {p.name for p in peers[:sent]}
    if case.kind is Message.MPYC:
        # First it greets those after it, then it gives its input to each: nobody can do without that.
        computing = [p.name for p in roster.computing]
        greetings = len(computing) - 1 - computing.index(case.victim)
        return set() if case.number <= greetings + len(computing) - 1 else {p.name for p in peers}
    if case.kind is Message.RESULT:
        told = {p.name for p in [p for p in peers if not p.computes][:sent]}
        return told | {p.name for p in peers if p.computes}
    return {p.name for p in roster.parties} - {case.victim}


def check(group: Group, case: Case, others: dict[str, Ended], said: str) -> None:
    """All others end with the victim's name and code 5. Those who may hold the result may end with it: they name as
    unconfirmed the victim, and each party that they have a link to and that ended without it."""
    roster, victim = parties.load(group.parties), case.victim
    holding = {name for name, end in others.items() if end.code == 0}
    assert holding <= may_hold(roster, case), others
    assert len({str(others[name].record["value"]) for name in holding}) <= 1, others
    for name in holding:
        peers = {p.name for p in roster.peers(name)}
        unconfirmed = set(others[name].record["unconfirmed"])
        confirmed = {p.name for p in roster.peers(victim)[: case.number - 1]} if case.kind is Message.DONE else set()
        if name in confirmed:
            unconfirmed.add(victim)  # it may have heard that the victim holds the result, or not
        assert unconfirmed == (peers - holding), (name, others)
    for name in others.keys() - holding:
        end = others[name]
        assert end.code == 5, (name, others)
        error = end.record["error"]
        if case.kind is Message.TERMS and (missing := _MISSING.match(error["message"])):
            # It reached nobody, since the others had ended: it says so of each of them, the victim among them.
            assert victim in {missing[1], *(missing[2] or "").split(", ")}, (name, others)
            continue
        whose = rf"(?:\S+ reports that {re.escape(victim)}|{re.escape(victim)}'s program)"
        assert re.match(f"there is no result: {whose} {re.escape(said)}", error["message"]), (name, others)
        assert error["term"] == victim
