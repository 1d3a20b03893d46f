"""The policy file: every field read, every mistake named, every refusal by field."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from psi.accounts.policy import Allowance, Charge, PeerRules, Policy, Request
from psi.agreement.modes import Comparer, Reveal, SessionProtocol
from psiselect.base.errors import InputError, PolicyError

PEER, OTHER, STRANGER, NOISY = b"\x11" * 32, b"\x22" * 32, b"\x33" * 32, b"\x44" * 32
GOOD = f"""
reveal = ["count"]
columns = ["email", "phone"]
send_columns = []
output_rows = false
max_own_size = 1_000
max_peer_size = 2_000
min_matches = 10
runs = {{count = 2, per = "7d"}}

[[peer]]
name = "globex"
fingerprint = "{PEER.hex()}"

[[peer]]
fingerprint = "{OTHER.hex()}"
reveal = ["matches", "count"]
send_columns = ["city", "plan"]
output_rows = true
protocols = ["ecdh", "fast"]
runs = {{count = 1, per = "12h"}}

[[peer]]
fingerprint = "{NOISY.hex()}"
reveal = ["noisy-count"]
min_matches = 0
min_matches_by = "learner"
ledger = {{file = "weekly.budget", dataset = "customers"}}
"""
ASKED = Request((Reveal.COUNT,), ("email",), (), False, 10, 1_000)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(GOOD)
    return path


def test_a_policy_is_read_with_each_peers_own_rules(file: Path) -> None:
    policy = Policy.load(file)
    assert policy.state == file.with_name("policy.toml.runs")
    columns = frozenset({"email", "phone"})
    week = Allowance(2, 7 * 86_400, "7d")
    assert policy.rules(PEER) == PeerRules(
        frozenset({Reveal.COUNT}), columns, frozenset(), False, 1_000, 2_000, 10, week
    )
    both, sent = frozenset({Reveal.COUNT, Reveal.MATCHES}), frozenset({"city", "plan"})
    assert policy.rules(OTHER) == PeerRules(
        *(both, columns, sent, True, 1_000, 2_000, 10, Allowance(1, 12 * 3600, "12h")),
        protocols=frozenset(SessionProtocol),
    )
    assert policy.rules(PEER).protocols == {SessionProtocol.ECDH}
    assert policy.rules(NOISY).ledger == Charge("weekly.budget", "customers")
    assert policy.beside("weekly.budget") == file.parent / "weekly.budget"


def test_every_field_of_the_rules_is_in_the_example() -> None:
    assert all(field.name in GOOD for field in dataclasses.fields(PeerRules))


def test_the_counters_place_can_be_said(file: Path) -> None:
    file.write_text('state = "counted/runs.db"\n' + GOOD)
    assert Policy.load(file).state == file.parent / "counted" / "runs.db"


@pytest.mark.parametrize(
    ("peer", "changes", "field"),
    [
        (PEER, {"reveals": (Reveal.MATCHES,)}, "reveal"),
        (PEER, {"columns": ("email", "secret")}, "columns"),
        (PEER, {"send_columns": ("city",)}, "send_columns"),
        (OTHER, {"min_matches": 10, "send_columns": ("city", "email")}, "send_columns"),
        (PEER, {"output_rows": True}, "output_rows"),
        (PEER, {"own_size": 1_001}, "max_own_size"),
        (PEER, {"min_matches": 9}, "min_matches"),
        (PEER, {"min_matches": None}, "min_matches"),
        (NOISY, {}, "reveal"),
        (STRANGER, {}, "peer"),
    ],
)
def test_what_is_not_allowed_is_refused_by_field(
    file: Path, peer: bytes, changes: dict[str, object], field: str
) -> None:
    policy = Policy.load(file)
    policy.check(PEER, ASKED)
    policy.check(PEER, dataclasses.replace(ASKED, own_size=None, columns=("phone", "email")))
    policy.check(OTHER, Request((Reveal.MATCHES,), ("email",), ("plan", "city"), True, 11, 0))
    policy.check(NOISY, Request((Reveal.NOISY_COUNT,), ("email",), (), False, None, 0))
    with pytest.raises(PolicyError) as caught:
        policy.check(peer, dataclasses.replace(ASKED, **changes))
    assert caught.value.term == field
    assert "policy.toml" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_peers_list_is_capped(file: Path) -> None:
    policy = Policy.load(file)
    policy.check_peer_size(PEER, 2_000)
    with pytest.raises(PolicyError, match="max_peer_size"):
        policy.check_peer_size(PEER, 2_001)
    with pytest.raises(PolicyError, match=r"add a \[\[peer\]\]"):
        policy.check_peer_size(STRANGER, 1)


MISTAKES = [
    ("max_own_size = 1_000", "max_own_sise = 1_000", "max_own_sise"),
    ("max_own_size = 1_000", "", "peer 1: max_own_size"),
    ("max_own_size = 1_000", "max_own_size = -1", "max_own_size"),
    ("max_own_size = 1_000", "max_own_size = 1.5", "max_own_size"),
    ("max_own_size = 1_000", "max_own_size = true", "max_own_size"),
    ('reveal = ["count"]', 'reveal = ["sums"]', "reveal"),
    ('reveal = ["count"]', 'reveal = "count"', "reveal"),
    ('reveal = ["count"]', "reveal = []", "reveal"),
    ('columns = ["email", "phone"]', "columns = [1]", "columns"),
    ("send_columns = []\n", "", "peer 1: send_columns"),
    ("send_columns = []", "send_columns = false", "send_columns"),
    ("send_columns = []", "send_columns = [1]", "send_columns"),
    ("output_rows = false", "output_rows = 0", "output_rows"),
    ("{count = 2,", "{count = 0,", "runs.count"),
    ("{count = 2,", "{count = true,", "runs.count"),
    ("{count = 2,", "{counts = 2,", "runs"),
    ('"7d"', '"7 days"', "runs.per"),
    ('"7d"', '"0d"', "runs.per"),
    ('"7d"', "7", "runs.per"),
    ('name = "globex"', "name = 1", "peer 1: name"),
    ('name = "globex"', 'nickname = "globex"', "peer 1: nickname"),
    ('per = "12h"', 'per = "12x"', "peer 2: runs.per"),
    (OTHER.hex(), "22", "peer 2: fingerprint"),
    (OTHER.hex(), PEER.hex(), "peer 2: fingerprint"),
    ("reveal =", "state = 1\nreveal =", "state"),
    ('reveal = ["noisy-count"]', 'reveal = ["noisy-count", "count"]', "peer 3: ledger"),
    ('{file = "weekly.budget",', "{file = 1,", "peer 3: ledger"),
    ("dataset =", "data =", "peer 3: ledger"),
    ("min_matches = 10", "min_matches = 1.5", "min_matches"),
]


@pytest.mark.parametrize(("old", "new", "field"), MISTAKES)
def test_a_mistake_is_named_with_file_and_field(file: Path, old: str, new: str, field: str) -> None:
    assert old in GOOD
    file.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(InputError, match=rf"policy\.toml: the field '{re.escape(field)}'") as caught:
        Policy.load(file)
    assert caught.value.term == field


@pytest.mark.parametrize("content", ["", "peer = []", "peer = 1", "[peer]\na = 1", "[[peer]]"])
def test_a_policy_without_peers_is_refused(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(InputError, match="peer"):
        Policy.load(file)


@pytest.mark.parametrize("content", [b"a =", b"\xff", b"a = " + b"[" * 5000, b"#" * (1 << 21), b"a = 1\na = 2"])
def test_what_is_not_toml_is_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"policy\.toml"):
        Policy.load(file)
    with pytest.raises(InputError, match="cannot read"):
        Policy.load(file.with_name("missing.toml"))


@pytest.mark.parametrize("said", [None, "learner", "other"])
def test_a_policy_may_say_who_compares_the_minimum(file: Path, said: str | None) -> None:
    if said is not None:
        file.write_text(f'min_matches_by = "{said}"\n' + file.read_text())
    policy = Policy.load(file)
    for asked in Comparer:
        request = dataclasses.replace(ASKED, min_matches_by=asked)
        if said in (None, asked.value):
            policy.check(PEER, request)
            continue
        with pytest.raises(PolicyError, match=f'is "{said}". Agree with the peer on --min-matches-by') as caught:
            policy.check(PEER, request)
        assert caught.value.term == "min_matches_by"


def test_who_compares_is_one_of_two(file: Path) -> None:
    file.write_text('min_matches_by = "both"\n' + file.read_text())
    with pytest.raises(InputError, match='\'min_matches_by\' must be "learner" or "other"'):
        Policy.load(file)
