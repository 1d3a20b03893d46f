"""The last value that policy, counter, record and audit file take, and the first that they refuse."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from support.parties import run, terms

from psi.accounts import audit
from psi.accounts.policy import Allowance, Policy, Request
from psi.accounts.records import SignedRecord
from psi.accounts.session_counter import SessionCounter
from psi.accounts.session_file import new_file_of_session
from psi.agreement.modes import Reveal, Side
from psi.identity.identity import Identity
from psiselect.base import toml_file
from psiselect.base.errors import InputError, PolicyError

PEER = b"\x11" * 32
LARGEST = 1 << 40


def policy(place: Path, **changes: str) -> Policy:
    """A policy for one peer, with these fields as TOML."""
    plain = {
        "reveal": '["count"]', "columns": '["a"]', "send_columns": "[]", "output_rows": "false", "max_own_size": "5",
        "max_peer_size": "7", "min_matches": "3", "runs": '{count = 1, per = "1h"}',
    }  # fmt: skip
    lines = [f"{name} = {value}" for name, value in (plain | changes).items()]
    path = place / "policy.toml"
    path.write_text("\n".join([*lines, "[[peer]]", f'fingerprint = "{PEER.hex()}"']))
    return Policy.load(path)


@pytest.mark.parametrize("name", ["max_own_size", "max_peer_size", "min_matches"])
def test_a_size_in_a_policy_is_from_0_to_2_to_the_40(tmp_path: Path, name: str) -> None:
    for value in (0, LARGEST):
        assert getattr(policy(tmp_path, **{name: str(value)}).rules(PEER), name) == value
    for value in (-1, LARGEST + 1):
        with pytest.raises(InputError, match=name):
            policy(tmp_path, **{name: str(value)})


@pytest.mark.parametrize(
    ("count", "per", "seconds"),
    [(1, "1h", 3_600), (1_000_000, "9999h", 9_999 * 3_600), (2, "1d", 86_400), (2, "3w", 3 * 7 * 86_400)],
)
def test_an_allowance_at_its_limits(tmp_path: Path, count: int, per: str, seconds: int) -> None:
    rules = policy(tmp_path, runs=f'{{count = {count}, per = "{per}"}}').rules(PEER)
    assert rules.runs == Allowance(count, seconds, per)


@pytest.mark.parametrize(("count", "per"), [(0, "1h"), (1_000_001, "1h"), (1, "0h"), (1, "10000h"), (1, "1m")])
def test_an_allowance_beyond_its_limits(tmp_path: Path, count: int, per: str) -> None:
    with pytest.raises(InputError, match="runs"):
        policy(tmp_path, runs=f'{{count = {count}, per = "{per}"}}')


def test_a_policy_of_a_mebibyte_is_read_and_none_beyond(tmp_path: Path) -> None:
    policy(tmp_path)
    path = tmp_path / "policy.toml"
    path.write_bytes(path.read_bytes() + b"\n#")
    path.write_bytes(path.read_bytes().ljust(toml_file.MAX_BYTES, b"#"))
    Policy.load(path)
    path.write_bytes(path.read_bytes() + b"#")
    with pytest.raises(InputError, match="too large"):
        Policy.load(path)


@pytest.mark.parametrize(
    ("field", "last", "first"), [("own_size", 5, 6), ("min_matches", 3, 2), ("columns", ("a",), ("a", "b"))]
)
def test_a_request_at_the_limit_of_a_policy(tmp_path: Path, field: str, last: Any, first: Any) -> None:
    asked = Request((Reveal.COUNT,), ("a",), (), False, 3, 5)
    found = policy(tmp_path)
    found.check(PEER, dataclasses.replace(asked, **{field: last}))
    with pytest.raises(PolicyError):
        found.check(PEER, dataclasses.replace(asked, **{field: first}))
    found.check_peer_size(PEER, 7)
    with pytest.raises(PolicyError):
        found.check_peer_size(PEER, 8)


def test_a_session_is_free_again_at_the_last_second_of_the_period(tmp_path: Path) -> None:
    counter, hourly = SessionCounter(tmp_path / "runs"), Allowance(1, 3_600, "1h")
    counter.spend(PEER, hourly, 10_000)
    with pytest.raises(PolicyError):
        counter.spend(PEER, hourly, 13_599)
    counter.spend(PEER, hourly, 13_600)
    assert counter.count(PEER) == 2


def test_an_empty_database_of_another_program_is_not_taken_over(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "runs")) as other:
        other.execute("PRAGMA application_id = 7")
    before = (tmp_path / "runs").read_bytes()
    assert before
    with pytest.raises(InputError, match="is not a file in which psiselect counts"):
        SessionCounter(tmp_path / "runs")
    assert (tmp_path / "runs").read_bytes() == before


# --- records ---


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> SignedRecord:
    """A record of a session of lists of 2 and 3; not verified here."""
    folder = tmp_path_factory.mktemp("identities")
    public = {side: Identity.create(side.value, folder).public for side in Side}
    party = run([b"a", b"b"], [b"a", b"b", b"c"], terms(reveal=Reveal.COUNT))[Side.CONNECT]
    return SignedRecord(party.record, party.signatures, public)


def reads(signed: SignedRecord, **content: object) -> bool:
    changed = dataclasses.replace(signed, content=signed.content | content)
    try:
        return SignedRecord.decode(changed.encode()).content == changed.content
    except InputError:
        return False


def sizes(listen: list[object], connect: list[object]) -> dict[str, object]:
    return {"listen": listen, "connect": connect}


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("time", [0, LARGEST], [-1, LARGEST + 1, True, 1.0, None]),
        ("counts", [None, [0], [2]], [[3], [-1], [], [1, 1], [True], 2]),  # the shorter list has 2
        (
            "sizes",
            [sizes([0], [0]), sizes([LARGEST], [LARGEST])],
            [
                *(sizes([LARGEST + 1], [1]), sizes([1], [-1]), sizes([1], [1, 1]), sizes([1, 1], [1]), sizes([], [])),
                *(sizes([True], [1]), {"listen": [1]}, sizes([1], [1]) | {"other": [1]}),
            ],
        ),
        ("transcript", ["0" * 128], ["0" * 127, "0" * 129, "A" * 128, "g" * 128]),
    ],
)
def test_fields_of_a_record_at_their_limits(
    signed: SignedRecord, field: str, good: list[object], bad: list[object]
) -> None:
    assert reads(signed)
    for value in good:
        more: dict[str, object] = {"counts": None} if field == "sizes" else {}
        assert reads(signed, **more, **{field: value}), value
    for value in bad:
        more = {"counts": None} if field == "sizes" else {}
        assert not reads(signed, **more, **{field: value}), value


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 99}, {"keys": []}, {"keys": [{"rule": "a"}]}, {"keys": ["a"]}, {"reveal": "a\n"},
        {"reveal": ["count"]}, {"chunk": 1.5}, {"more": 1}, {"keys": [{"rule": "a\x1b[2J", "digest": "b"}]},
        {"keys": [{"rule": "a", "digest": [1]}]},
    ],
)  # fmt: skip
def test_terms_of_a_record_are_strict(signed: SignedRecord, changes: dict[str, object]) -> None:
    assert not reads(signed, terms=signed.content["terms"] | changes)


# --- the audit file, and names of files ---


def line_of(size: int) -> dict[str, object]:
    return {"padding": "x" * (size - len('{"audit":"psiselect-1","padding":""}\n'))}


def test_a_line_of_64_kib_is_kept_and_none_beyond(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    for _ in range(2):
        audit.append(path, line_of(65_536))
    audit.append(path, {"number": 3})
    assert [len(line) for line in path.read_bytes().splitlines(keepends=True)[:2]] == [65_536, 65_536]
    assert json.loads(path.read_bytes().splitlines()[2])["number"] == 3
    before = path.read_bytes()
    with pytest.raises(RuntimeError):
        audit.append(path, line_of(65_537))
    assert path.read_bytes() == before


@pytest.mark.parametrize("kept", [1, 40, 65_535])
def test_a_torn_line_of_any_length_is_cut_off(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "audit.log"
    audit.append(path, {"number": 1})
    whole = path.read_bytes()
    audit.append(path, line_of(65_536))
    path.write_bytes(path.read_bytes()[: len(whole) + kept])
    audit.check(path)
    assert path.read_bytes() == whole


def test_a_session_is_on_file_when_its_own_line_says_done(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    audit.append(path, {"outcome": "failed", "transcript": (b"\1" * 64).hex()})
    audit.append(path, {"outcome": "done", "record": {"transcript": (b"\2" * 64).hex()}})
    audit.append(path, {"outcome": "done", "record": None, "xtranscript": (b"\3" * 64).hex()})
    assert [audit.holds(path, bytes([number]) * 64) for number in (1, 2, 3, 4)] == [False, True, False, False]


def test_a_sessions_file_is_named_by_its_transcript_and_never_written_over(tmp_path: Path) -> None:
    transcript = bytes(range(64))
    path = tmp_path / "record-{session}.json"
    found = new_file_of_session(path, transcript)
    assert found == tmp_path / "record-0001020304050607.json"
    assert new_file_of_session(tmp_path / "record.json", transcript) == tmp_path / "record.json"
    found.symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="never overwrites"):
        new_file_of_session(path, transcript)
    assert new_file_of_session(path, transcript, again=True) == found
    (tmp_path / "record.json").touch()
    assert new_file_of_session(tmp_path / "record.json", transcript) == tmp_path / "record.json"
