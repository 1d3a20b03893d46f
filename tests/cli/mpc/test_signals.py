"""A party that goes in the middle of a run, in each round: every other one ends with its name, and none hangs."""

from __future__ import annotations

import signal

import pytest
from support.mpc_processes import Ended, Group

from mpc import parties
from mpc.mesh import Connected, Mesh
from mpc.messages import Message
from psi.identity.identity import Identity

ARGUMENTS = {
    "sum": ("--value", "3"),
    "threshold": ("--value", "yes"),
    "argmax": ("--value", "3"),
}
# What a party that does everything sends, and how many frames of each to how many peers.
ROUNDS = {
    "sum": (Message.TERMS, Message.SHARE, Message.PARTIAL, Message.DONE),
    "threshold": (Message.TERMS, Message.SHARE, Message.MPYC, Message.DONE),
    "argmax": (Message.TERMS, Message.SHARE, Message.MPYC, Message.DONE),
}
NUMBERS = {3: (1, 2), 5: (1, 3, 4), 12: (1, 6, 11)}


@pytest.fixture(scope="module")
def groups(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Group]:
    return {
        count: Group(tmp_path_factory.mktemp(f"p{count}"), {f"p{i}": "both" for i in range(count)}) for count in NUMBERS
    }


def run(
    group: Group, function: str, victim: str, kind: Message, number: int, given: signal.Signals
) -> tuple[Ended, dict[str, Ended]]:
    """How the victim ended, and all others."""
    first = ("support.mpc_signals:at_frame", kind.name, str(number), str(int(given)))
    arguments = ARGUMENTS[function]
    started = {
        name: group.start(name, function, *arguments, first=first if name == victim else ()) for name in group.names
    }
    try:
        ended = {name: group.wait(process) for name, process in started.items()}
    finally:
        for process in started.values():
            process.kill()
            process.wait()
    return ended.pop(victim), ended


def check(victim: str, kind: Message, number: int, others: dict[str, Ended], said: str) -> None:
    """No result without the victim, as long as nobody has all that it needs from it. A party that has ends with the
    result and names the victim as one that has not confirmed it; all others end with the victim's name."""
    early = kind in (Message.TERMS, Message.SHARE) or (kind is Message.PARTIAL and number == 1)
    for name, end in others.items():
        if end.code == 0 and not early:
            assert victim in end.record["unconfirmed"] or kind is Message.DONE, (name, end)
            continue
        assert end.code == 5, (name, end)
        assert end.record["error"]["message"].startswith(f"no result: {victim} {said}"), (name, end)
        assert end.record["error"]["term"] == victim
    assert len({str(end.record["value"]) for end in others.values() if end.code == 0}) <= 1


def matrix(count: int) -> list[tuple[int, str, Message, int]]:
    return [
        (count, function, kind, number)
        for function in ARGUMENTS
        for kind in ROUNDS[function]
        for number in NUMBERS[count]
        # Before the victim has met all others, one of them may start when the rest have ended, and meets nobody.
        if kind is not Message.TERMS or number == count - 1
    ]


SHORT = [
    (3, "sum", Message.TERMS, 2),
    (3, "sum", Message.SHARE, 2),
    (3, "sum", Message.PARTIAL, 2),
    (3, "sum", Message.DONE, 1),
    (3, "threshold", Message.SHARE, 1),
    (3, "threshold", Message.MPYC, 3),
    (3, "argmax", Message.MPYC, 2),
    (5, "sum", Message.PARTIAL, 3),
]
LONG = [case for count in NUMBERS for case in matrix(count) if case not in SHORT]


@pytest.mark.parametrize(
    ("count", "function", "kind", "number"), [*SHORT, *(pytest.param(*case, marks=pytest.mark.soak) for case in LONG)]
)
def test_a_killed_party_is_named_in_every_round(
    groups: dict[int, Group], count: int, function: str, kind: Message, number: int
) -> None:
    victim = f"p{count // 2}"
    gone, others = run(groups[count], function, victim, kind, number, signal.SIGKILL)
    assert (gone.code, gone.stdout) == (-signal.SIGKILL, "")
    check(victim, kind, number, others, "lost its connection")


@pytest.mark.parametrize(
    ("function", "kind", "number", "given"),
    [
        ("sum", Message.TERMS, 2, signal.SIGTERM),
        ("sum", Message.PARTIAL, 1, signal.SIGHUP),
        ("threshold", Message.MPYC, 3, signal.SIGTERM),
        ("argmax", Message.SHARE, 1, signal.SIGINT),
        *(
            pytest.param(function, kind, number, given, marks=pytest.mark.soak)
            for _, function, kind, number in matrix(3)
            if kind is not Message.DONE
            for given in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
        ),
    ],
)
def test_a_party_that_is_stopped_says_so(
    groups: dict[int, Group], function: str, kind: Message, number: int, given: signal.Signals
) -> None:
    gone, others = run(groups[3], function, "p1", kind, number, given)
    assert gone.code == 128 + given, gone
    check("p1", kind, number, others, "was stopped (it said so before it ended)")


def test_a_hangup_is_ignored_where_the_caller_says_so(groups: dict[int, Group]) -> None:
    """As under nohup."""
    first = ("support.mpc_signals:ignored_at_frame", "SHARE", "1", str(int(signal.SIGHUP)))
    arguments = {name: [*ARGUMENTS["sum"]] for name in groups[3].names}
    assert {end.code for end in groups[3].run("sum", arguments, first=first).values()} == {0}


def test_a_party_that_was_started_again_is_refused_in_words(groups: dict[int, Group]) -> None:
    """p2 comes a second time while p0, which waits for p1, has a link to its first process."""
    group = groups[3]
    waiting = group.start("p0", "sum", *ARGUMENTS["sum"])
    try:
        with Mesh(parties.load(group.parties), "p2", Identity.load(group.folder / "keys" / "p2"), 60) as links:
            assert links.events.get(timeout=60) == Connected("p0")
            again = group.wait(group.start("p2", "sum", *ARGUMENTS["sum"]))
            assert again.code == 5
            assert again.record["error"]["message"] == (
                "no result: p0 had a link to p2 in this run and has lost it, or another process of p2 has it. "
                "Wait until all parties have ended, then start them all again"
            )
            assert waiting.poll() is None
    finally:
        waiting.kill()
        waiting.communicate()
