"""Everything is checked before anything leaves: each refusal is played against both roles, on either side."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from support.attacked import CHUNK, HIDDEN, LISTS, MODES, attack, drop, expect_nothing_came_of_it, mode, replace, twice
from support.entropy import FixedEntropy
from support.parties import RAW

from psi.agreement.modes import Comparer, Matching, Side
from psi.agreement.terms import Terms
from psi.group import masking
from psi.group.curve25519.suite import FIELD_PRIME as P
from psi.inputs.row_tokens import RowTokens
from psi.protocol.messages import MessageType as M
from psi.transport.wire import Frame
from psiselect.base.errors import RemoteError
from psiselect.base.packed import Packed

# The role that is attacked, and what it gets from its peer.
ROLES = {"sender": (M.ELEMENTS, M.ELEMENTS_END), "receiver": (M.REPLIES, M.REPLIES_END)}


def victim_of(role: str, learner: Side) -> Side:
    return learner if role == "receiver" else learner.other


def at_row(row: int, element: bytes) -> Callable[[bytes], bytes]:
    return lambda payload: payload[: 32 * row] + element + payload[32 * row + 32 :]


BAD = {
    "zero": (0, "low order"),
    "one": (1, "low order"),
    "order eight": (325606250916557431795983626356110631294008115727848805560023387167927233504, "low order"),
    "order eight, the other": (
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
        "low order",
    ),
    "minus one": (P - 1, "low order"),
    "p": (P, "is not below"),
    "one, as p + 1": (P + 1, "is not below"),
    "nine, as p + 9": (P + 9, "is not below"),
    "nine with its top bit": (9 + 2**255, "is not below"),
    "all bits": (2**256 - 1, "is not below"),
}


# ---- elements and replies


@pytest.mark.parametrize("name", ["matches", "count"])
@pytest.mark.parametrize("learner", Side)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("bad", BAD)
def test_bad_elements_are_refused_by_both_roles(bad: str, role: str, learner: Side, name: str) -> None:
    """The number in the message counts over the whole list."""
    element, words = BAD[bad]
    chunk, row = (1, 2) if learner is Side.CONNECT else (0, 0)
    change = replace(chunk, at_row(row, element.to_bytes(32, "little")))
    found = attack(mode(name, learner), victim_of(role, learner), ROLES[role][0], change)
    expect_nothing_came_of_it(found, words)
    assert f"encrypted key {CHUNK * chunk + row} " in str(found.error)


@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("row", range(CHUNK))
def test_one_bad_element_anywhere_in_any_mode_is_refused(row: int, role: str, name: str) -> None:
    change = replace(1, at_row(row, bytes(32)))
    found = attack(mode(name), victim_of(role, Side.CONNECT), ROLES[role][0], change)
    expect_nothing_came_of_it(found, f"encrypted key {CHUNK + row} of the peer is invalid: it has low order")


def inverse(element: bytes) -> bytes:
    return pow(int.from_bytes(element, "little"), -1, P).to_bytes(32, "little")


@pytest.mark.parametrize("guise", [bytes, inverse], ids=["itself", "inverse"])
@pytest.mark.parametrize("learner", Side)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", HIDDEN)
def test_two_elements_with_one_product_are_refused_by_both_roles(
    name: str, role: str, learner: Side, guise: Callable[[bytes], bytes]
) -> None:
    """In one chunk, or as the first of the next chunk."""
    agreed, victim, kind = mode(name, learner), victim_of(role, learner), ROLES[role][0]
    inside = replace(0, lambda payload: at_row(2, guise(payload[32:64]))(payload))
    expect_nothing_came_of_it(attack(agreed, victim, kind, inside), "same masked value")
    last: list[bytes] = []

    def across(at: int, frame: Frame) -> list[Frame]:
        last.append(bytes(frame.payload)[-32:])
        return [Frame(frame.type, at_row(0, guise(last[0]))(bytes(frame.payload)))] if at == 1 else [frame]

    expect_nothing_came_of_it(attack(agreed, victim, kind, across), "same masked value")


@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize("learner", Side)
@pytest.mark.parametrize("role", ROLES)
def test_counts_of_elements_are_held_exactly(role: str, learner: Side, name: str) -> None:
    agreed, victim = mode(name, learner), victim_of(role, learner)
    items = len(LISTS[learner]) + agreed.added
    last = (items - 1) // CHUNK
    left = items - CHUNK * last
    found = attack(agreed, victim, ROLES[role][0], drop(last))
    expect_nothing_came_of_it(found, "fewer encrypted keys")
    found = attack(agreed, victim, ROLES[role][0], twice(last))
    expect_nothing_came_of_it(found, f"more {'elements' if role == 'sender' else 'replies'} than it may")
    # One row too many, still within a chunk, and one too few.
    longer = replace(last, lambda payload: payload + (9).to_bytes(32, "little"))
    shorter = replace(last, lambda payload: payload[:-32])
    for change in (longer, shorter):
        found = attack(agreed, victim, ROLES[role][0], change)
        expect_nothing_came_of_it(found, f"expected {left} {'row' if left == 1 else 'rows'} of 32")


def cut_or_grown(width: int) -> dict[str, Callable[[bytes], bytes]]:
    return {
        "empty": lambda payload: b"",
        "a byte less": lambda payload: payload[:-1],
        "a byte more": lambda payload: payload + b"\0",
        "a row short of the chunk": lambda payload: payload[:-width],
        "one row": lambda payload: payload[:width],
        "a row beyond the chunk": lambda payload: payload + payload[-width:],
    }


@pytest.mark.parametrize("name", ["matches", "count"])
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("form", cut_or_grown(32))
def test_chunks_of_another_form_are_refused_by_both_roles(form: str, role: str, name: str) -> None:
    kind, end = ROLES[role]
    found = attack(mode(name), victim_of(role, Side.CONNECT), kind, replace(0, cut_or_grown(32)[form]))
    expect_nothing_came_of_it(found, "expected 4 rows of 32")
    found = attack(mode(name), victim_of(role, Side.CONNECT), end, replace(0, lambda payload: b"\0"))
    expect_nothing_came_of_it(found, "contains data")


# ---- tags


def swapped(payload: bytes, width: int, first: int, second: int) -> bytes:
    rows = [payload[i : i + width] for i in range(0, len(payload), width)]
    rows[first], rows[second] = rows[second], rows[first]
    return b"".join(rows)


def tags_of(agreed: Terms) -> int:
    """Bytes of a tag."""
    sizes = [len(items) + agreed.added for items in LISTS.values()]
    return masking.tag_bytes(*sizes)


@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize("learner", Side)
def test_tags_out_of_order_are_refused(learner: Side, name: str) -> None:
    """Within a chunk, and from one chunk to the next: the last bit of a tag decides as well as the first."""
    agreed = mode(name, learner)
    width = tags_of(agreed)
    for first, second in ((0, 1), (2, 3)):
        change = replace(1, lambda payload, a=first, b=second: swapped(payload, width, a, b))
        expect_nothing_came_of_it(attack(agreed, learner, M.TAGS, change), "ascending order")
    last: list[bytes] = []

    def below(at: int, frame: Frame) -> list[Frame]:
        last.append(bytes(frame.payload)[-width:])
        lower = (int.from_bytes(last[0], "big") - 1).to_bytes(width, "big")
        return [Frame(frame.type, lower + bytes(frame.payload)[width:])] if at == 1 else [frame]

    expect_nothing_came_of_it(attack(agreed, learner, M.TAGS, below), "ascending order")


@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize("learner", Side)
def test_counts_and_forms_of_tags_are_held_exactly(learner: Side, name: str) -> None:
    agreed = mode(name, learner)
    width = tags_of(agreed)
    tags = len(LISTS[learner.other]) + agreed.added
    last = (tags - 1) // CHUNK
    left = tags - CHUNK * last
    expect_nothing_came_of_it(attack(agreed, learner, M.TAGS, drop(last)), "fewer encrypted values")
    expect_nothing_came_of_it(attack(agreed, learner, M.TAGS, twice(last)), "more tags")
    for change in (lambda payload: payload + payload[-width:], lambda payload: payload[:-width]):
        found = attack(agreed, learner, M.TAGS, replace(last, change))
        expect_nothing_came_of_it(found, f"expected {left} {'row' if left == 1 else 'rows'} of {width}")
    # Equal tags are in order, and nobody gains by them.
    alike = replace(last, lambda payload: payload[-width:] * (len(payload) // width))
    assert attack(agreed, learner, M.TAGS, alike).error is None
    for form in cut_or_grown(width).values():
        found = attack(agreed, learner, M.TAGS, replace(0, form))
        expect_nothing_came_of_it(found, f"expected {CHUNK} rows of {width}")
    expect_nothing_came_of_it(attack(agreed, learner, M.TAGS_END, replace(0, lambda _: b"\0")), "contains data")


# ---- several keys, and the side that compares


@pytest.mark.parametrize("role", ROLES)
def test_the_second_list_is_checked_like_the_first(role: str) -> None:
    """With a run for each list, what is refused in the first run is refused in the second."""
    agreed = mode("count", keys=(RAW, RAW))
    chunks = -(-len(LISTS[Side.CONNECT]) // CHUNK)
    found = attack(agreed, victim_of(role, Side.CONNECT), ROLES[role][0], replace(chunks, at_row(1, bytes(32))))
    assert isinstance(found.error, RemoteError)
    assert "encrypted key 1 of the peer is invalid: it has low order" in str(found.error)
    assert found.after == []
    pair = replace(chunks, lambda payload: at_row(1, inverse(payload[:32]))(payload))
    found = attack(agreed, victim_of(role, Side.CONNECT), ROLES[role][0], pair)
    assert "same masked value" in str(found.error)
    assert found.after == []


def rows_of_two(side: Side) -> dict[str, object]:
    """Linked rows with two keys each."""
    count, first = len(LISTS[side]), 0 if side is Side.CONNECT else 4
    values = [Packed.of(b"%d" % (first + number) for number in range(count))] * 2
    table = np.stack([np.arange(count)] * 2, axis=1)
    return {"tokens": lambda number: RowTokens(values, [b"mail", b"phone"], table, FixedEntropy(side.value))}


@pytest.mark.parametrize("name", ["count", "sum"])
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("slot", [0, 1])
def test_one_slot_of_a_linked_row_that_comes_again_is_refused(slot: int, role: str, name: str) -> None:
    """The check is over single elements: the other slot of the row is another one."""
    agreed = mode(name, keys=(RAW, RAW), matching=Matching.ONE_TO_ONE)
    copied = replace(1, lambda p: at_row(2 + slot, inverse(p[32 * slot : 32 * slot + 32]))(p))
    found = attack(agreed, victim_of(role, Side.CONNECT), ROLES[role][0], copied, rows_of_two)
    expect_nothing_came_of_it(found, "same masked value")
    spoilt = replace(1, at_row(2 + slot, bytes(32)))
    found = attack(agreed, victim_of(role, Side.CONNECT), ROLES[role][0], spoilt, rows_of_two)
    expect_nothing_came_of_it(found, "low order")


@pytest.mark.parametrize("learner", Side)
@pytest.mark.parametrize("role", ROLES)
def test_the_gate_is_checked_for_both_roles(role: str, learner: Side) -> None:
    """In its run the side that does not learn is the receiver."""
    agreed = mode("matches", learner, min_matches=1, min_matches_by=Comparer.OTHER)
    victim = learner.other if role == "receiver" else learner
    bad = replace(0, at_row(1, bytes(32)))
    expect_nothing_came_of_it(
        attack(agreed, victim, ROLES[role][0], bad), "encrypted key 1 of the peer is invalid: it has low order"
    )
    pair = replace(0, lambda payload: at_row(1, inverse(payload[:32]))(payload))
    words = {"receiver": "do not fit together", "sender": "same masked value"}
    expect_nothing_came_of_it(attack(agreed, victim, ROLES[role][0], pair), words[role])
    if role == "receiver":
        order = replace(0, lambda payload: swapped(payload, tags_of(agreed), 0, 1))
        expect_nothing_came_of_it(attack(agreed, victim, M.TAGS, order), "ascending order")


@pytest.mark.parametrize("role", ROLES)
def test_a_chunk_of_linked_rows_has_as_many_rows_as_fit(role: str) -> None:
    """With five elements in a chunk and two in a row: two rows, and a third one is refused."""
    agreed = mode("count", keys=(RAW, RAW), matching=Matching.ONE_TO_ONE, chunk=5)
    lengths: list[int] = []

    def noted(at: int, frame: Frame) -> list[Frame]:
        lengths.append(len(frame.payload))
        return [frame]

    victim, kind = victim_of(role, Side.CONNECT), ROLES[role][0]
    assert attack(agreed, victim, kind, noted, rows_of_two).error is None
    assert set(lengths[:-1]) == {2 * 64}
    found = attack(agreed, victim, kind, replace(0, lambda payload: payload + payload[-64:]), rows_of_two)
    expect_nothing_came_of_it(found, "expected 2 rows of 64")


# ---- the last part of a sum


@pytest.mark.parametrize("learner", Side)
@pytest.mark.parametrize("bad", ["zero", "p", "nine with its top bit", "order eight"])
@pytest.mark.parametrize(("kind", "receives"), [(M.SEED_REQUEST, True), (M.SEED_ANSWER, False)])
def test_bad_elements_of_a_sum_are_refused_by_both_roles(kind: M, receives: bool, bad: str, learner: Side) -> None:
    """The learner answers no bad choice of seeds; the side with the values sends no challenge after a bad answer."""
    element, words = BAD[bad]
    victim = learner if receives else learner.other
    found = attack(mode("sum", learner), victim, kind, replace(0, at_row(5, element.to_bytes(32, "little"))))
    expect_nothing_came_of_it(found, words)
    assert "encrypted key 5 " in str(found.error)


@pytest.mark.parametrize("learner", Side)
@pytest.mark.parametrize("at", [0, 16 * 127, -1])
def test_no_value_leaves_after_a_proof_that_does_not_fit(at: int, learner: Side) -> None:
    def flipped(payload: bytes) -> bytes:
        spoilt = bytearray(payload)
        spoilt[at] ^= 1
        return bytes(spoilt)

    found = attack(mode("sum", learner), learner.other, M.PROOF, replace(0, flipped))
    expect_nothing_came_of_it(found, "check of their consistency")
    assert {M.CORRECTIONS, M.TOTAL}.isdisjoint(found.before)


@pytest.mark.parametrize("learner", Side)
def test_corrections_are_counted_and_a_total_needs_all_of_them(learner: Side) -> None:
    agreed = mode("sum", learner)
    last = (len(LISTS[learner.other]) - 1) // 8  # a full block has eight rows here
    expect_nothing_came_of_it(attack(agreed, learner, M.CORRECTIONS, twice(last)), "more corrections")
    rows = min(8, len(LISTS[learner.other]))
    for change in (lambda payload: payload[:-8], lambda payload: payload + payload[-8:]):
        found = attack(agreed, learner, M.CORRECTIONS, replace(0, change))
        expect_nothing_came_of_it(found, f"expected {rows} rows of 8")
    expect_nothing_came_of_it(attack(agreed, learner, M.CORRECTIONS, drop(last)), "fewer corrections")


# ---- signs of life


@pytest.mark.parametrize("role", ROLES)
def test_a_sign_of_life_with_data_is_refused_by_both_roles(role: str) -> None:
    """In place of what was due; an empty one changes nothing."""
    kind, _ = ROLES[role]
    for payload in (b"", b"x"):
        alive = Frame(M.ALIVE, payload)
        found = attack(
            mode("matches"),
            victim_of(role, Side.CONNECT),
            kind,
            lambda at, frame, alive=alive: [alive, frame] if at == 1 else [frame],
        )
        if payload:
            expect_nothing_came_of_it(found, "'sign of life' contains data")
        else:
            assert found.error is None
