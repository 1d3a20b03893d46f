"""A party that a signal stops in the middle of a run, or that is started again: what the others hear."""

from __future__ import annotations

import signal

import pytest
from support.mpc_kills import ARGUMENTS, Case, check, run
from support.mpc_processes import Group

from mpc import parties
from mpc.mesh import Connected, Mesh
from mpc.messages import Message
from psi.identity.identity import Identity

LONG = [
    Case("three", "p1", function, kind, number)
    for function in ARGUMENTS
    for kind in (Message.TERMS, Message.SHARE, Message.PARTIAL if function == "sum" else Message.MPYC)
    for number in (1, 2)
]
SHORT = [
    (Case("three", "p1", "sum", Message.TERMS, 2), signal.SIGTERM),
    (Case("three", "p1", "sum", Message.PARTIAL, 1), signal.SIGHUP),
    (Case("three", "p1", "threshold", Message.MPYC, 3), signal.SIGTERM),
    (Case("three", "p1", "argmax", Message.SHARE, 1), signal.SIGINT),
]


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Group:
    return Group(tmp_path_factory.mktemp("three"), {f"p{i}": "both" for i in range(3)})


@pytest.mark.parametrize(
    ("case", "given"),
    [
        *SHORT,
        *(
            pytest.param(case, given, marks=pytest.mark.soak)
            for case in LONG
            for given in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
            if (case, given) not in SHORT
        ),
    ],
    ids=str,
)
def test_a_party_that_is_stopped_says_so(group: Group, case: Case, given: signal.Signals) -> None:
    gone, others = run(group, case, given)
    assert gone.code == 128 + given, gone
    check(group, case, others, "was stopped, by a person or by the computer")


def test_a_hangup_is_ignored_where_the_caller_says_so(group: Group) -> None:
    """As under nohup."""
    first = ("support.mpc_signals:ignored_at_frame", "SHARE", "1", str(int(signal.SIGHUP)))
    arguments = {name: [*ARGUMENTS["sum"]] for name in group.names}
    assert {end.code for end in group.run("sum", arguments, first=first).values()} == {0}


def test_a_party_that_was_started_again_is_refused_in_words(group: Group) -> None:
    """p2 comes a second time while p0, which waits for p1, has a link to its first process."""
    waiting = group.start("p0", "sum", *ARGUMENTS["sum"])
    try:
        with Mesh(parties.load(group.parties), "p2", Identity.load(group.folder / "keys" / "p2"), 60) as links:
            assert links.events.get(timeout=60) == Connected("p0")
            again = group.wait(group.start("p2", "sum", *ARGUMENTS["sum"]))
            assert again.code == 5
            assert again.record["error"]["message"] == (
                "there is no result: p0 lost the connection to p2. Perhaps another program of p2 is using it. "
                "Wait until all parties have ended, then start all parties again"
            )
            assert waiting.poll() is None
    finally:
        waiting.kill()
        waiting.communicate()
