"""What a job hands to the protocol: own policy as it was given, and tokens that are bound to their key."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from support.entropy import FixedEntropy
from support.jobs import agreed, specs
from support.parties import KEYS, backend

from psi.agreement.column_terms import ColumnTerms
from psi.agreement.modes import Learner, Matching, Reveal, Side
from psi.normalize import KeySpec
from psi.session.job import MAX_PEER_SIZE, Job, Memory
from psi.tables import open_source
from psiselect.base.errors import PolicyError

ONE, TWO = specs("mail:text"), specs("mail:text", "phone:text")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text("mail,phone,amount\na,1,5\nb,2,6\nc,a,7\n")
    return path


def make(
    table: Path, keys: tuple, reveal: Reveal = Reveal.MATCHES, learn: Learner = Learner.CONNECT, **more: object
) -> Job:
    terms = agreed(keys, reveal, learn, **more)
    return Job(open_source(table), keys, Side.LISTEN, terms, Memory.default(), value="amount")


def test_a_setup_has_the_sides_own_policy_and_identities(table: Path) -> None:
    def admit() -> None:
        raise PolicyError("never")

    def check_size(peer_size: int) -> None:
        raise PolicyError("too many")

    policy = {"max_peer_size": 7, "admit": admit, "check_size": check_size}
    entropy = FixedEntropy()
    before = int(time.time())
    with make(table, ONE) as job:
        made = job.setup(KEYS[Side.LISTEN], KEYS[Side.CONNECT], backend(), entropy, **policy)
        assert {name: getattr(made, name) for name in policy} == policy
        assert (made.signer, made.verifier) == (KEYS[Side.LISTEN], KEYS[Side.CONNECT])
        assert (made.side, made.terms, made.sizes) == (Side.LISTEN, job.terms, (3,))
        assert (made.backend, made.entropy) == (backend(), entropy)
        assert before <= made.now <= int(time.time())
        assert (made.labels, made.values) == (None, None)
        assert made.stores() is not made.stores()


@pytest.mark.parametrize("matching", Matching)
def test_a_token_names_its_type_its_keys_number_and_its_rule(table: Path, matching: Matching) -> None:
    """Equal values under two keys are two tokens."""
    with make(table, TWO, matching=matching) as job:
        made = job.setup(KEYS[Side.LISTEN], KEYS[Side.CONNECT], backend(), FixedEntropy())
        found: set[bytes] = set()
        for number in range(job.terms.lists):
            tokens = made.tokens(number)
            packed = tokens.read(0, len(tokens))
            found |= {packed[at] for at in range(len(packed))}
            tokens.close()
    values = {1: (b"a", b"b", b"c"), 2: (b"1", b"2", b"a")}
    expected = {
        b"\x01" + bytes((number,)) + TWO[number - 1].digest()[:8] + value
        for number in (1, 2)
        for value in values[number]
    }
    assert found == expected


@pytest.mark.parametrize(("learn", "gives"), [(Learner.CONNECT, True), (Learner.LISTEN, False), (Learner.BOTH, True)])
def test_values_and_columns_go_along_only_where_they_are_given(table: Path, learn: Learner, gives: bool) -> None:
    """This is the listening side."""
    with make(table, ONE, Reveal.SUM, learn, value_decimals=0, value_max="9") as job:
        made = job.setup(KEYS[Side.LISTEN], KEYS[Side.CONNECT], backend(), FixedEntropy())
        assert (made.values is not None) is gives
        if made.values is not None:
            assert made.values(np.array([2, 0, -1, 1])).tolist() == [7, 5, 0, 6]
    given = ColumnTerms(connect=("phone",) if learn is not Learner.CONNECT else (), listen=("phone",) if gives else ())
    with make(table, ONE, learn=learn, columns=given, label_bytes=64) as job:
        made = job.setup(KEYS[Side.LISTEN], KEYS[Side.CONNECT], backend(), FixedEntropy())
        assert (made.labels is not None) is gives


@pytest.mark.parametrize(
    ("learn", "pad_to", "keys", "limit"),
    [
        (Learner.LISTEN, None, ONE, 1 << 30),  # only this side learns
        (Learner.CONNECT, None, ONE, 100_000),
        (Learner.BOTH, None, ONE, 100_000),
        (Learner.CONNECT, 25_000, ONE, 100_000),
        (Learner.CONNECT, 25_001, ONE, 100_004),
        (Learner.CONNECT, 30_000, TWO, 4 * 2 * 30_000),  # two lists, or two elements an item
    ],
)
@pytest.mark.parametrize("matching", Matching)
def test_a_peer_that_learns_may_declare_four_times_as_much_unless_something_else_is_said(
    table: Path, learn: Learner, pad_to: int | None, keys: tuple[KeySpec, ...], limit: int, matching: Matching
) -> None:
    assert MAX_PEER_SIZE == 1 << 30
    parties = KEYS[Side.LISTEN], KEYS[Side.CONNECT], backend(), FixedEntropy()
    with make(table, keys, learn=learn, pad_to=pad_to, matching=matching) as job:
        assert job.setup(*parties).max_peer_size == limit
        assert job.setup(*parties, max_peer_size=7).max_peer_size == 7
