"""Equal inputs give different tags, keys and seeds in two sessions, two runs, two keys, two sides, two purposes.

Scalars are held equal here, so that only what things are bound to can tell them apart.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import pytest
from support.entropy import FixedEntropy
from support.fresh import assert_nothing_repeats
from support.jobs import specs
from support.labelled import Given
from support.parties import RAW, backend, pump, setup, terms

from psi.agreement.column_terms import ColumnTerms
from psi.agreement.modes import Comparer, Learner, Matching, Reveal, Side
from psi.agreement.terms import KeyTerm, Terms
from psi.group import masking
from psi.group.curve25519.suite import DST
from psi.group.masking import Derivation
from psi.inputs.padding import DUMMY_TYPE, FILLER_TYPE, dummies, fillers
from psi.inputs.tokens import KeyTokens
from psi.oblivious import base
from psi.oblivious.columns import COLUMNS
from psi.protocol import schedule
from psi.protocol.messages import MessageType as M
from psi.protocol.party import Party, make_role
from psi.session.job import KEY_TYPE, token_prefix
from psi.store.spool import Store
from psi.transport.wire import Frame
from psiselect.base.packed import Packed

ONE_SCALAR = bytes(range(32))
ITEMS = [b"%d" % n for n in range(8)]
TWO = (RAW, KeyTerm("text/1", "11" * 32))
MANY_RUNS: dict[str, dict[str, object]] = {
    "both learn": {"learn": Learner.BOTH},
    "two lists": {"keys": TWO},
    "two lists, both learn": {"keys": TWO, "learn": Learner.BOTH},
    "minimum": {"min_matches": 1, "min_matches_by": Comparer.OTHER},
    "columns both ways": {"learn": Learner.BOTH, "columns": ColumnTerms(("d",), ("c",)), "label_bytes": 64},
}
by_mode = pytest.mark.parametrize("mode", MANY_RUNS)


@pytest.fixture
def one_scalar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every scalar of every side is the same. A gate has one copy of each item, since all of them would be equal."""
    monkeypatch.setattr(schedule, "gate_copies", lambda items: 1)
    monkeypatch.setattr("psi.group.curve25519.scalar.Scalar.draw", classmethod(lambda cls, entropy: cls(ONE_SCALAR)))


def party(side: Side, agreed: Terms, seed: str) -> Party:
    """The same items in each list, under the same prefix."""
    entropy = FixedEntropy(f"{seed} {side}")

    def tokens(number: int) -> KeyTokens:
        return KeyTokens.shuffled(Packed.of(ITEMS), b"\x01", entropy)

    return Party(setup(side, ITEMS, agreed, sizes=(len(ITEMS),) * agreed.lists, tokens=tokens, entropy=entropy,
                       labels=Given(ITEMS)))  # fmt: skip


def frames_of(agreed: Terms, seed: str) -> list[Frame]:
    seen: list[Frame] = []
    pump(
        {side: party(side, agreed, seed) for side in Side},
        lambda side, frame: seen.append(Frame(frame.type, bytes(frame.payload))),
    )
    return seen


def tags_in(frames: Iterable[Frame], agreed: Terms) -> list[bytes]:
    """Tags and sealed labels of all runs of a session."""
    width = masking.tag_bytes(len(ITEMS), len(ITEMS))
    sealed = 0 if agreed.label_bytes is None else agreed.label_bytes + 16
    rows: list[bytes] = []
    for frame in frames:
        if frame.type == M.TAGS:
            step = width + (sealed if len(frame.payload) % (width + sealed) == 0 else 0)
            data = bytes(frame.payload)
            rows += [data[i : i + width] for i in range(0, len(data), step)]
            rows += [data[i + width : i + step] for i in range(0, len(data), step) if step > width]
    return rows


@by_mode
@pytest.mark.usefixtures("one_scalar")
def test_tags_of_equal_items_differ_in_each_run_and_each_session(mode: str) -> None:
    """Both sides hold the same items, in each list. Fails by chance with probability below 2^-60."""
    agreed = terms(**MANY_RUNS[mode])
    first, second = (tags_in(frames_of(agreed, seed), agreed) for seed in ("one", "two"))
    runs = len(schedule.plan(agreed))
    assert runs > 1
    assert len(first) >= runs * len(ITEMS)
    assert len({*first, *second}) == len(first) + len(second)


@pytest.mark.usefixtures("one_scalar")
def test_elements_are_not_bound_so_that_an_offer_can_be_made_first() -> None:
    """What the tests above would miss, if the scalars were not equal: here they are."""
    elements = [bytes(f.payload) for f in frames_of(terms(learn=Learner.BOTH), "one") if f.type == M.ELEMENTS]
    rows = [{data[i : i + 32] for i in range(0, len(data), 32)} for data in elements]
    assert len(rows) == 2
    assert rows[0] == rows[1]


@by_mode
def test_the_binding_of_a_run_has_session_and_run_in_it(mode: str) -> None:
    """64 bytes, the same for both roles of a run, and other ones for each run and each session."""
    agreed = terms(**MANY_RUNS[mode])
    transcripts = [bytes(64), b"\1" + bytes(63), bytes(63) + b"\1"]
    made = {}
    for transcript, run in itertools.product(transcripts, schedule.plan(agreed)):
        found = set()
        for side in Side:
            own = setup(side, ITEMS, agreed, labels=Given(ITEMS))
            role = make_role(own, run, own.tokens(0), len(ITEMS), transcript, Store(), lambda done: None)
            found.add(role._run.binding)  # type: ignore[attr-defined]
        (made[transcript, run.number],) = found
    assert len(set(made.values())) == len(made) == 3 * len(schedule.plan(agreed))
    assert {len(binding) for binding in made.values()} == {64}


# ---- what a digest is for


def test_a_digest_is_bound_to_purpose_session_element_and_item() -> None:
    """Any one of the four in another form gives another digest."""
    plain: dict[str, object] = {
        "purpose": Derivation.TAG, "transcript": bytes(64), "elements": np.zeros((1, 32), np.uint8),
        "items": Packed.of([b"a"]),
    }  # fmt: skip
    last = np.zeros((1, 32), np.uint8)
    last[0, 31] = 1
    changes: list[dict[str, object]] = [
        *({"purpose": purpose} for purpose in Derivation),
        {"transcript": b"\1" + bytes(63)},
        {"transcript": bytes(63) + b"\1"},
        {"elements": last},
        {"items": Packed.of([b"b"])},
        {"items": Packed.of([b"a\0"])},
        {"items": None},
    ]
    made = [masking.derive(backend(), **{**plain, **change}, width=32).tobytes() for change in changes]  # type: ignore[arg-type]
    assert_nothing_repeats(made)


def test_labels_of_domains_fit_their_field_and_differ() -> None:
    """None is another one with zeros after it, since the field is filled up with zeros."""
    labels = [purpose.value for purpose in Derivation]
    assert len(set(labels)) == len(Derivation.__members__) == len(labels)
    assert all(len(label) <= masking.LABEL_BYTES and not label.endswith(b"\0") for label in labels)


def test_what_is_compared_is_no_part_of_what_opens() -> None:
    """A tag is public: the key that a label is sealed under must not begin with it. Fails by chance with probability
    below 2^-40."""
    agreed = terms(columns=ColumnTerms((), ("c",)), label_bytes=64)
    own = setup(Side.LISTEN, ITEMS, agreed, labels=Given(ITEMS))
    (run,) = schedule.plan(agreed)
    role = make_role(own, run, own.tokens(0), len(ITEMS), bytes(64), Store(), lambda done: None)
    elements = backend().hash_to_curve(Packed.of(ITEMS), DST)
    context = role._run  # type: ignore[attr-defined]
    tags, keys = context.tags(elements, 0), context.label_keys(elements, 0)
    assert not (keys[:, : tags.shape[1]] == tags).all(axis=1).any()
    assert len(np.unique(keys, axis=0)) == len(ITEMS)


# ---- tokens


def test_types_of_tokens_differ() -> None:
    """Of keys, dummies, fillers and choices of seeds: no token of one type is one of another."""
    types = [KEY_TYPE, DUMMY_TYPE, FILLER_TYPE, base.TOKEN_TYPE]
    assert sorted(types) == [b"\x01", b"\x02", b"\x03", b"\x04"]
    assert dummies(1)[0][:1] == DUMMY_TYPE
    assert fillers(1, FixedEntropy())[0][:1] == FILLER_TYPE
    assert base._tokens(np.zeros(1, np.uint8)).tobytes()[:1] == base.TOKEN_TYPE


def test_dummies_are_numbered_and_the_same_on_both_sides() -> None:
    drawn = dummies(300)
    assert [drawn[n] for n in (0, 1, 255, 256)] == [b"\x02" + n.to_bytes(8, "big") for n in (0, 1, 255, 256)]


def test_tokens_of_two_keys_never_meet() -> None:
    """A prefix has one length, and is of the key's number and of its whole rule."""
    keys = specs("a:text", "b:text", "a:name", "a:name,marks=keep", "a:text+b:text", "a:email")
    made = {(number, rule): token_prefix(number, key) for number in range(1, 9) for rule, key in enumerate(keys)}
    by_rule = {
        token_prefix(1, key) for key in specs("a:text", "a:name", "a:name,marks=keep", "a:email", "a:text+b:text")
    }
    assert len(by_rule) == 5
    assert {len(prefix) for prefix in made.values()} == {10}
    assert all(prefix[:2] == bytes((1, number)) for (number, _), prefix in made.items())
    assert made[1, 0] == made[1, 1]  # the column's name is one side's own
    assert len(set(made.values())) == 8 * 5


def test_choices_of_seeds_are_numbered_and_differ_by_their_bit() -> None:
    both = [base._tokens(np.full(COLUMNS, bit, np.uint8)) for bit in (0, 1)]
    assert len(np.unique(np.concatenate(both), axis=0)) == 2 * COLUMNS
    assert both[1][77].tolist() == [4, 77, 1]


def seeds_of(dst: bytes, binding: bytes, dealer: str) -> bytes:
    chooser = base.BaseReceiver(backend(), DST, bytes(64), FixedEntropy("chooser"))
    _, seeds = base.BaseSender(backend(), dst, binding, FixedEntropy(dealer)).answer(chooser.request())
    return seeds.tobytes()


def test_seeds_are_bound_to_group_run_and_dealer() -> None:
    """All 256 of each."""
    plain = (DST, bytes(64), "dealer")
    changed = [plain, (DST + b"x", *plain[1:]), (DST, b"\1" + bytes(63), "dealer"), (DST, bytes(64), "another")]
    assert_nothing_repeats(seeds_of(*given) for given in changed)


def test_rows_of_two_keys_are_masked_under_two_scalars() -> None:
    """An element sent under one key says nothing about the list under another."""
    agreed = terms(keys=TWO, matching=Matching.ONE_TO_ONE, reveal=Reveal.MATCHES)
    own = setup(Side.LISTEN, ITEMS, agreed)
    (run,) = schedule.plan(agreed)
    role = make_role(own, run, own.tokens(0), 1, bytes(64), Store(), lambda done: None)
    element = backend().hash_to_curve(Packed.of([b"x"]), DST)
    (reply,) = role.receive(M.ELEMENTS, np.concatenate([element, element]).tobytes(), role.opening)
    assert_nothing_repeats([bytes(reply.payload)])
