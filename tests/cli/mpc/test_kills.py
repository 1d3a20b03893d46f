"""A party that is killed in the middle of a run, in each round: every other one ends with its name, and none hangs."""

from __future__ import annotations

import signal

import pytest
from support.mpc_kills import ARGUMENTS, Case, check, run
from support.mpc_processes import Group

from mpc.messages import Message

BOTH = {"three": 3, "five": 5, "twelve": 12}
GROUPS = {name: {f"p{i}": "both" for i in range(count)} for name, count in BOTH.items()}
GROUPS["servers"] = {"a": "input", "b": "input", "s0": "server", "s1": "server", "s2": "server"}

# Before which frame the victim ends, from 1. Inside MPyC: a greeting, an input, and what comes later.
NUMBERS = {"three": (1, 2), "five": (1, 3, 4), "twelve": (1, 6, 11)}
INSIDE = {"three": (1, 2, 3, 4, 6, 9, 12, 15), "five": (1, 3, 6, 7, 12, 18, 24, 30), "twelve": (1, 6, 16, 17, 60, 120)}


def rounds(group: str, victim: str, function: str, numbers: tuple[int, ...], inside: tuple[int, ...]) -> list[Case]:
    """All four rounds of a party that brings a number and computes."""
    third, places = (Message.PARTIAL, numbers) if function == "sum" else (Message.MPYC, inside)
    return [
        Case(group, victim, function, kind, number)
        for kind in (Message.TERMS, Message.SHARE, third, Message.DONE)
        for number in (places if kind is third else numbers)
    ]


SHORT = [
    Case("three", "p1", "sum", Message.TERMS, 1),
    Case("three", "p0", "sum", Message.TERMS, 2),
    Case("three", "p1", "sum", Message.PARTIAL, 2),
    Case("three", "p1", "sum", Message.DONE, 1),
    Case("three", "p1", "threshold", Message.SHARE, 1),
    Case("three", "p1", "argmax", Message.MPYC, 9),
    Case("three", "p1", "threshold", Message.DONE, 2),
    Case("servers", "s1", "threshold", Message.RESULT, 2),
]
LONG = [
    *(case for n in BOTH for f in ARGUMENTS for case in rounds(n, f"p{BOTH[n] // 2}", f, NUMBERS[n], INSIDE[n])),
    # The first in the file listens for all others, the last one calls all others.
    *(case for v in ("p0", "p2") for f in ("sum", "threshold") for case in rounds("three", v, f, (1, 2), (1, 4, 8))),
    *(Case("servers", "a", f, kind, n) for f in ("sum", "threshold") for kind, n in (
        (Message.TERMS, 1), (Message.TERMS, 3), (Message.SHARE, 1), (Message.SHARE, 3), (Message.DONE, 1))),
    *(Case("servers", "s1", f, kind, n) for f in ("sum", "threshold") for kind, n in (
        (Message.TERMS, 1), (Message.TERMS, 2), (Message.TERMS, 4), (Message.DONE, 1), (Message.DONE, 3))),
    *(Case("servers", "s1", "sum", Message.PARTIAL, n) for n in (1, 2, 3, 4)),
    *(Case("servers", "s1", "threshold", Message.MPYC, n) for n in (1, 3, 8)),
    *(Case("servers", "s1", "threshold", Message.RESULT, n) for n in (1, 2)),
]  # fmt: skip


@pytest.fixture(scope="module")
def groups(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Group]:
    return {name: Group(tmp_path_factory.mktemp(name), roles) for name, roles in GROUPS.items()}


@pytest.mark.parametrize(
    "case", [*SHORT, *(pytest.param(case, marks=pytest.mark.soak) for case in LONG if case not in SHORT)], ids=str
)
def test_a_killed_party_is_named_in_every_round(groups: dict[str, Group], case: Case) -> None:
    gone, others = run(groups[case.group], case, signal.SIGKILL)
    assert (gone.code, gone.stdout) == (-signal.SIGKILL, "")
    check(groups[case.group], case, others, "lost the connection")


def test_a_party_that_starts_when_all_others_have_ended_names_them(groups: dict[str, Group]) -> None:
    """The victim has met p0 only; p0 hears of its end, and ends. p2 starts after that."""
    group = groups["three"]
    first = ("support.mpc_signals:at_frame", "TERMS", "1", str(int(signal.SIGTERM)))
    started = [group.start("p0", "sum", *ARGUMENTS["sum"]), group.start("p1", "sum", *ARGUMENTS["sum"], first=first)]
    assert [group.wait(process).code for process in started] == [5, 143]
    late = group.wait(group.start("p2", "sum", *ARGUMENTS["sum"], "--timeout", "1"))
    assert late.code == 5
    message = late.record["error"]["message"]
    assert message.startswith("there is no result: p2 reports that p0 did not connect in time"), message
    assert message.endswith(". p2 has no connection to p1 either"), message
