"""Parties as processes over TLS on loopback."""

from __future__ import annotations

import socket
import tomllib
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import CliRunner
from support import mpc_laws
from support.mpc_processes import Ended, Group

from cli._errors import classify
from cli.mpc.command import command
from mpc import parties
from mpc.mesh import Mesh, Received
from mpc.messages import Message
from psi.identity.identity import Identity

RAISES = {"alice": "3800", "bob": "2514", "carlos": "2982", "david": "3390"}
VALUES = {n: ["--value", v] for n, v in RAISES.items()}
BOTH = dict.fromkeys(RAISES, "both")


@pytest.fixture
def engineers(tmp_path: Path) -> Group:
    return Group(tmp_path, BOTH)


def test_four_engineers(engineers: Group) -> None:
    for function, expected in (("sum", 12686), ("mean", 3171.5)):
        for name, ended in engineers.run(function, VALUES).items():
            assert ended.code == 0, (name, ended.stderr)
            assert ended.record["value"] == expected
            assert ended.record["parties"] == 4
            assert ended.record["threshold"] == 3
            assert ended.record["unconfirmed"] == []


def test_five_parties_with_vectors_through_two_servers(tmp_path: Path) -> None:
    names = [f"p{i}" for i in range(5)]
    group = Group(tmp_path, dict.fromkeys(names, "input") | {"s1": "server", "s2": "server"})
    arguments = {}
    for i, name in enumerate(names):
        numbers = [f"{i * k - 1000}.{k % 100:02d}" for k in range(2000)]
        (tmp_path / f"{name}.txt").write_text("\n".join(numbers) + "\n")
        arguments[name] = ["--values", str(tmp_path / f"{name}.txt")]
    arguments |= {"s1": ["--length", "2000"], "s2": ["--length", "2000"]}
    exact = [sum(float(f"{i * k - 1000}.{k % 100:02d}") for i in range(5)) for k in range(2000)]
    for name, ended in group.run("sum", arguments).items():
        assert ended.code == 0, (name, ended.stderr)
        assert ended.record["value"] == pytest.approx(exact)


def named_alike(ended: dict[str, Ended], code: int, culprit: str) -> None:
    for name, end in ended.items():
        assert end.code == code, (name, end)
        assert culprit in end.record["error"]["message"], (name, end)
        assert "value" not in end.record


def test_differing_terms_are_named_on_all_sides(engineers: Group) -> None:
    arguments = VALUES | {"carlos": [*VALUES["carlos"], "--bound", "5000"]}
    ended = engineers.run("sum", arguments)
    named_alike(ended, 4, "carlos")
    assert all(end.record["error"]["term"] == "bound" for end in ended.values())


def test_a_missing_party_is_named_on_all_sides(engineers: Group) -> None:
    there = {n: v for n, v in VALUES.items() if n != "david"}
    named_alike(engineers.run("sum", there, "--timeout", "4"), 5, "david did not connect")


@pytest.mark.parametrize("when", ["before its terms", "after its terms"])
def test_a_party_that_dies_is_named_on_all_sides(engineers: Group, when: str) -> None:
    roster = parties.load(engineers.parties)
    identity = Identity.load(engineers.folder / "keys" / "david")
    with Mesh(roster, "david", identity, 60) as mesh:
        started = {n: engineers.start(n, "sum", *VALUES[n]) for n in ("alice", "bob", "carlos")}
        seen = set()
        while len(seen) < 3 if when == "before its terms" else len(seen) < 6:
            event = mesh.events.get(timeout=60)
            seen.add((event.peer, type(event)))
    named_alike({n: engineers.wait(p) for n, p in started.items()}, 5, "david lost the connection")


def test_a_killed_process_is_named_on_all_sides(engineers: Group) -> None:
    started = {n: engineers.start(n, "sum", *VALUES[n]) for n in ("alice", "bob", "carlos")}
    victim = started.pop("carlos")
    # david is played here. It agrees to everybody's terms and gives no share, so that the run goes no further. Carlos
    # gives its share once it has everybody's terms: it is killed when all have met it.
    with Mesh(parties.load(engineers.parties), "david", Identity.load(engineers.folder / "keys" / "david"), 60) as mesh:
        seen = None
        while seen != ("carlos", Message.SHARE):
            event = mesh.events.get(timeout=60)
            seen = (event.peer, event.frame.type) if isinstance(event, Received) else None
            if isinstance(event, Received) and event.frame.type == Message.TERMS:
                mesh.send(event.peer, event.frame)
        victim.kill()
        victim.communicate()
        named_alike({n: engineers.wait(p) for n, p in started.items()}, 5, "carlos")


def test_a_stranger_does_not_end_the_run(engineers: Group) -> None:
    host, port = tomllib.loads(engineers.parties.read_text())["party"][0]["address"].split(":")
    first = engineers.start("alice", "sum", *VALUES["alice"])
    connected = None
    while connected is None:
        try:
            connected = socket.create_connection((host, int(port)))
        except OSError:
            assert first.poll() is None
    connected.sendall(b"GET / HTTP/1.0\r\n\r\n")
    ended = engineers.run("sum", {n: v for n, v in VALUES.items() if n != "alice"}) | {"alice": engineers.wait(first)}
    connected.close()
    assert {n: e.code for n, e in ended.items()} == dict.fromkeys(RAISES, 0)


def test_two_inputs_are_refused_unless_told_otherwise(tmp_path: Path) -> None:
    group = Group(tmp_path, {"alice": "both", "bob": "both"})
    both = {"alice": ["--value", "1"], "bob": ["--value", "2"]}
    for ended in group.run("sum", both).values():
        assert ended.code == 6
        assert "each could subtract its own" in ended.record["error"]["message"]
    for ended in group.run("sum", both, "--allow-two-inputs").values():
        assert ended.record["value"] == 3


def test_noise_that_nobody_knows(engineers: Group) -> None:
    """3,000 sums in one run against the law of all four shares together; false alarm below 1e-8."""
    length, arguments = 3000, {}
    for i, name in enumerate(RAISES):
        (engineers.folder / f"{name}.txt").write_text("\n".join(str((i + k) % 5) for k in range(length)) + "\n")
        arguments[name] = ["--values", str(engineers.folder / f"{name}.txt")]
    # One party moves each of 3,000 numbers by up to 4: epsilon 6,000 is exponent 1/2 for each unit.
    noisy = ["--epsilon", "6000", "--colluding", "1", "--lower", "0", "--upper", "4", "--decimals", "0"]
    ended = engineers.run("sum", arguments, *noisy)
    assert {n: e.code for n, e in ended.items()} == dict.fromkeys(RAISES, 0)
    records = [e.record for e in ended.values()]
    assert len({tuple(r["value"]) for r in records}) == 1
    exact = [sum((i + k) % 5 for i in range(4)) for k in range(length)]
    noise = [int(v) - e for v, e in zip(records[0]["value"], exact, strict=True)]
    mpc_laws.assert_follows(mpc_laws.two_sided(Fraction(4, 3), Fraction(1, 2)), noise)
    assert {r["sensitivity"] for r in records} == {12000}
    assert {r["unit"] for r in records} == {"1"}


@pytest.mark.parametrize(
    ("arguments", "code", "term"),
    [
        (["--value", "1", "--epsilon", "1"], 2, "lower"),
        (["--value", "1", "--colluding", "1"], 2, "colluding"),
        (["--value", "x"], 3, "value"),
        (["--value", "1.234"], 3, None),
        (["--value", "1", "--values", "f"], 2, "value"),
        (["--value", "1", "--bound", "1e17"], 6, "modulus"),
        (["--value", "1", "--modulus", "2^4096"], 2, "modulus"),
        (["--value", "1", "--epsilon", "1", "--lower", "0", "--upper", "9", "--colluding", "0"], 2, "colluding"),
        (["--value", "1", "--epsilon", "1", "--lower", "0", "--upper", "9", "--colluding", "4"], 2, "colluding"),
    ],
)
def test_bad_arguments(engineers: Group, arguments: list[str], code: int, term: str | None) -> None:
    who = ["--party", "alice", "--parties", str(engineers.parties), "--identity", str(engineers.folder / "keys/alice")]
    error = CliRunner().invoke(command, ["sum", *who, *arguments]).exception
    assert error is not None
    assert classify(error)[0] == code, error
    assert getattr(error, "term", None) == term
