"""The gate with honest sides: counts, views, costs, secrets; and the number of copies, by exact arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import pytest
from support.gates import Sent, gated, parties, play, watching
from support.parties import setup

from psi.agreement.modes import Side
from psi.inputs.tokens import KeyTokens
from psi.protocol.messages import MessageType as M
from psi.protocol.party import make_role
from psi.protocol.schedule import RunSize, gate_copies, plan
from psi.store.spool import Store
from psiselect.base.errors import MinimumError
from psiselect.base.packed import Packed

LEAST = Fraction(1, 1 << 40)


def falling(n: int, count: int) -> int:
    """n (n-1) (n-2) ..., `count` factors."""
    product = 1
    for factor in range(n, n - count, -1):
        product *= factor
    return product


def best_guess(items: int, copies: int) -> Fraction:
    """The chance that a given set of t of the tN elements is all copies of one item: the first may be any, the others
    are its t - 1 copies, in any order."""
    return Fraction(falling(copies - 1, copies - 1), falling(copies * items - 1, copies - 1))


SIZES = [*range(2, 400), 999, 1000, 3000, 4095, 10_000, 65_537, 10**5, 3 * 10**5, 10**6, 10**7, 2**30, 2**40]


@pytest.mark.parametrize("items", SIZES)
def test_copies_are_the_fewest_with_a_chance_of_at_most_a_trillionth(items: int) -> None:
    copies = gate_copies(items)
    assert copies >= 2
    assert best_guess(items, copies) <= LEAST
    assert copies == 2 or best_guess(items, copies - 1) > LEAST


def test_copies_by_hand() -> None:
    assert [gate_copies(items) for items in (0, 1, 2, 3, 20, 300, 10**4, 10**6, 2**40)] == [1, 1, 23, 17, 9, 6, 4, 3, 2]


@pytest.mark.parametrize("items", [*range(2, 60), 128, 500])
def test_no_other_union_of_tuples_is_likelier(items: int) -> None:
    """Of k items for each k, or of all of them, cut into groups of k elements that are answered together."""
    copies = gate_copies(items)
    best = best_guess(items, copies)
    for k in range(1, items):
        assert Fraction(math.comb(items, k), math.comb(copies * items, copies * k)) <= best
    for k in range(2, items + 1):
        if items % k == 0:
            assert groupings(items, k) / Fraction(groupings(copies * items, k)) <= best


def groupings(n: int, k: int) -> Fraction:
    """Ways to cut n things into groups of k."""
    return Fraction(math.factorial(n), math.factorial(k) ** (n // k) * math.factorial(n // k))


@pytest.mark.parametrize("keys", [1, 2, 3, 4])
@pytest.mark.parametrize("items", [0, 1, 2, 3, 20])
def test_honest_sides_count_and_do_what_is_planned(items: int, keys: int) -> None:
    check(items, keys)


@pytest.mark.parametrize("keys", [1, 3])
def test_honest_sides_with_many_items(keys: int) -> None:
    check(300, keys, chunk=512)


@pytest.mark.parametrize("keys", [1, 2])
def test_honest_sides_with_columns_on_disk(tmp_path: Path, keys: int) -> None:
    stores: list[Store] = []

    def opened() -> Store:
        stores.append(Store(tmp_path, 1 << 15))
        return stores[-1]

    check(120, keys, chunk=64, stores=opened)
    assert max(store.disk_bytes for store in stores) > 120 * gate_copies(120) * 32 * keys


def test_honest_sides_with_padding() -> None:
    check(5, 1, pad_to=9)
    check(1, 2, pad_to=3)


def check(items: int, keys: int, pad_to: int | None = None, chunk: int = 16, **options: object) -> None:
    """Half of the comparer's items are the learner's too."""
    common = (items + 1) // 2
    agreed = gated(1, keys, pad_to=pad_to, chunk=chunk)
    given = parties(range(1000, 1000 + common), range(1000, 1000 + items), agreed, **options)
    if not common:
        with pytest.raises(MinimumError):
            play(given)
        return
    sent = play(given)
    assert [party.outcome.counts for party in given.values()] == [(common,) + (0,) * (keys - 1)] * 2
    assert all(party.done_operations == party.total_operations for party in given.values())
    elements = rows_of(sent[Side.LISTEN], M.ELEMENTS, 32)
    size = pad_to or items
    assert len(elements) == len(set(elements)) == gate_copies(size) * size * keys
    assert given[Side.LISTEN].peer_sizes == (pad_to or common,)


def rows_of(frames: list, kind: M, width: int) -> list[bytes]:
    joined = b"".join(bytes(frame.payload) for frame in frames if frame.type == kind)
    return [joined[i : i + width] for i in range(0, len(joined), width)]


@pytest.mark.parametrize("keys", [1, 2])
def test_the_order_of_elements_says_nothing_of_copies(keys: int) -> None:
    """They are sorted as whole rows: the order of a sorted set says nothing beyond the set."""
    sent = play(parties(range(9), range(9), gated(1, keys)))
    rows = rows_of(sent[Side.LISTEN], M.ELEMENTS, 32 * keys)
    assert len(rows) == 9 * gate_copies(9)
    assert rows == sorted(rows)


def test_below_the_minimum_the_learner_gets_nothing() -> None:
    sent: Sent = {}
    with pytest.raises(MinimumError, match="fewer matches than --min-matches 4"):
        play(parties(range(3), range(20), gated(4)), sent)
    assert {M.REPLIES, M.TAGS}.isdisjoint(frame.type for frame in sent[Side.LISTEN])


def test_each_copy_has_a_scalar_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = watching(monkeypatch)
    play(parties(range(5), range(5), gated(1)))
    play(parties(range(5), range(5), gated(1), seed="another"))
    assert [len(gate.keys) for gate in seen] == [gate_copies(5) + 1] * 2  # one takes the first one off
    drawn = [key for gate in seen for key in gate.keys]
    assert len(set(drawn)) == len(drawn)


@pytest.mark.parametrize("least", [1, 4])
def test_scalars_are_wiped_however_the_gate_ends(monkeypatch: pytest.MonkeyPatch, least: int) -> None:
    seen = watching(monkeypatch)
    given = parties(range(3), range(3), gated(least))
    if least == 1:
        play(given)
    else:
        with pytest.raises(MinimumError):
            play(given)
    (gate,) = seen
    assert all(any(key) for key in gate.keys)
    assert not any(any(scalar.key) for scalar in gate.all_scalars)


def test_scalars_are_wiped_when_the_party_is_closed_half_way(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = watching(monkeypatch)
    made = setup(Side.LISTEN, [b"a", b"b"], gated(1))
    source = KeyTokens.shuffled(Packed.of([b"a", b"b"]), b"\x01", made.entropy)
    role = make_role(made, plan(made.terms)[0], source, 2, bytes(64), Store(), lambda count: None)
    role.work(role.opening)
    role.close()
    assert not any(any(scalar.key) for scalar in seen[0].all_scalars)


def test_a_gate_of_each_list_has_copies_of_its_own() -> None:
    size = RunSize(3, 7, keys=2, copies=gate_copies(3))
    assert (size.rows, size.elements, size.tokens, size.tags) == (51, 102, 6, 14)
    assert size.operations(receives=True) == 50 * 6
    assert size.operations(receives=False) == 102 + 14
    assert [run.copies(3) for run in plan(gated(1))] == [17, 1]
