"""What is bound to what: each term and each field of a hello to the greeting, the greeting and both sides' sizes to the
transcript, the transcript and the run to every tag, and both sides' records to each other."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import numpy as np
import pytest
from support.other_terms import ALIKE, COLUMNS, NOISY, OTHER_TERMS, SUM
from support.parties import KEYS, RAW, Key, declared, pump, setup, terms

from psi.agreement.column_terms import ColumnTerms
from psi.agreement.modes import Comparer, Learner, Reveal, Side
from psi.agreement.terms import Terms
from psi.group.curve25519.scalar import Scalar
from psi.protocol import messages, party
from psi.protocol.messages import Hello
from psi.protocol.messages import MessageType as M
from psi.protocol.party import Party
from psi.protocol.run import RunContext
from psi.transport.wire import Frame
from psiselect.base import strict_json
from psiselect.base.errors import RemoteError

ITEMS = [b"%d" % i for i in range(8)]


def played(
    agreed: Terms, watch: Callable[[Side, Frame], None] = lambda side, frame: None, **changes: object
) -> dict[Side, Party]:
    """A whole session of equal lists; the same bytes each time for equal arguments."""
    plain = {"sizes": (len(ITEMS),) * agreed.lists, "values": np.ones_like}
    parties = {side: Party(setup(side, ITEMS, agreed, **{**plain, **changes})) for side in Side}
    pump(parties, watch)
    return parties


# ---- the transcript


@pytest.mark.parametrize("term", OTHER_TERMS)
def test_each_term_is_in_the_hello_the_transcript_and_the_record(term: str) -> None:
    """Two pairs of parties, each pair of one mind: the term in which the pairs differ tells their sessions apart."""
    found = []
    for changes in (ALIKE.get(term, {}), OTHER_TERMS[term]):
        agreed = terms(**changes)
        given = {"sizes": (1,) * agreed.lists, "values": np.ones_like}
        parties = {side: Party(setup(side, [b"a"], agreed, **given)) for side in Side}
        sizes = declared(parties)
        for side, one in parties.items():
            one.receive(sizes[side.other])
        record = party.make_record(parties[Side.LISTEN]._setup, (1,), bytes(64), 0, None)
        found.append((json.loads(parties[Side.LISTEN]._hellos[Side.LISTEN])["terms"], parties, record))
    (here, ours, record), (there, others, other) = found
    differ = {name for name in here.keys() | there.keys() if here.get(name) != there.get(name)}
    assert {"rule": "keys"}.get(term, term) in differ
    for side in Side:
        assert ours[side].transcript == ours[side.other].transcript
        assert ours[side].transcript != others[side].transcript
        assert ours[side]._greeting != others[side]._greeting
    assert record["terms"] == here
    assert other["terms"] == there
    assert strict_json.encode(record) != strict_json.encode(other)


def test_every_field_of_terms_and_hello_is_bound() -> None:
    """A field that is added without a value to tell apart fails here."""
    assert {field.name for field in dataclasses.fields(Terms)} | {"rule"} == set(OTHER_TERMS)
    assert {field.name for field in dataclasses.fields(Hello)} == set(OTHER_FIELDS)


OTHER_FIELDS: dict[str, object] = {"terms": terms(chunk=17), "nonce": b"\1" * 32, "time": 5}


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("name", OTHER_FIELDS)
def test_each_field_of_each_hello_is_in_the_greeting_and_the_transcript(name: str, side: Side) -> None:
    hello = Hello(terms(), bytes(32), 0)
    other = dataclasses.replace(hello, **{name: OTHER_FIELDS[name]})
    prints = {one: KEYS[one].fingerprint for one in Side}
    same = {one: bytes(hello.frame().payload) for one in Side}
    changed = {**same, side: bytes(other.frame().payload)}
    greeted, others = messages.greeting(same, prints), messages.greeting(changed, prints)
    assert greeted != others
    sizes = dict.fromkeys(Side, b"8")
    assert messages.transcript(greeted, sizes) != messages.transcript(others, sizes)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("lists", [1, 2])
def test_each_size_of_each_side_is_in_the_transcript(lists: int, side: Side) -> None:
    """As it was declared: a session in which one list of one side is longer has another transcript on both sides."""
    agreed = terms(keys=(RAW,) * lists)
    made = set()
    for longer in range(-1, lists):
        sizes = dict.fromkeys(Side, (8,) * lists)
        sizes[side] = tuple(8 + (number == longer) for number in range(lists))
        parties = {one: Party(setup(one, ITEMS, agreed, sizes=sizes[one])) for one in Side}
        frames = declared(parties)
        for one, playing in parties.items():
            playing.receive(frames[one.other])
        assert parties[Side.CONNECT]._greeting == parties[Side.LISTEN]._greeting
        assert parties[Side.CONNECT].transcript == parties[Side.LISTEN].transcript
        made.add(parties[side].transcript)
    assert len(made) == 1 + lists


@pytest.mark.parametrize("victim", Side)
@pytest.mark.parametrize("which", ["signer", "verifier"])
def test_a_session_between_other_certificates_has_another_greeting(which: str, victim: Side) -> None:
    """With the right key behind another certificate: the proof does not hold, for either side's certificate."""
    other = Key((victim if which == "signer" else victim.other).value)
    other.fingerprint = bytes(32)
    parties = {side: Party(setup(side, ITEMS, terms(), **({which: other} if side is victim else {}))) for side in Side}
    hellos = {side: one.start()[0] for side, one in parties.items()}
    proofs = {side: one.receive(hellos[side.other])[0] for side, one in parties.items()}
    assert parties[Side.CONNECT]._greeting != parties[Side.LISTEN]._greeting
    for side, one in parties.items():
        with pytest.raises(RemoteError, match="signature"):
            one.receive(proofs[side.other])


def test_the_greeting_is_over_the_bytes_that_came() -> None:
    """A hello with the same fields in other bytes is another hello: both sides must have seen the same."""
    parties = {side: Party(setup(side, ITEMS, terms())) for side in Side}
    hellos = {side: one.start()[0] for side, one in parties.items()}
    spaced = Frame(M.HELLO, bytes(hellos[Side.LISTEN].payload) + b" ")
    parties[Side.CONNECT].receive(spaced)
    parties[Side.LISTEN].receive(hellos[Side.CONNECT])
    assert parties[Side.CONNECT]._greeting != parties[Side.LISTEN]._greeting


def test_the_transcript_is_over_the_bytes_that_came() -> None:
    """Sizes with the same numbers in other bytes are other sizes."""
    parties = {side: Party(setup(side, ITEMS, terms())) for side in Side}
    sizes = declared(parties)
    parties[Side.CONNECT].receive(Frame(M.SIZES, bytes(sizes[Side.LISTEN].payload) + b" "))
    parties[Side.LISTEN].receive(sizes[Side.CONNECT])
    assert parties[Side.CONNECT].peer_sizes == parties[Side.LISTEN].own_sizes
    assert parties[Side.CONNECT].transcript != parties[Side.LISTEN].transcript


# ---- runs


SEVERAL_RUNS: dict[str, tuple[dict[str, object], int]] = {
    "both learn": ({"learn": Learner.BOTH}, 2),
    "both learn counts": ({"learn": Learner.BOTH, "reveal": Reveal.COUNT}, 2),
    "both learn sums": ({"learn": Learner.BOTH, **SUM}, 2),
    "two lists": ({"keys": (RAW, RAW)}, 2),
    "two lists, both learn": ({"keys": (RAW, RAW), "learn": Learner.BOTH}, 4),
    "a gate": ({"min_matches": 1, "min_matches_by": Comparer.OTHER}, 2),
    "sixteen lists": ({"keys": (RAW,) * 16, "learn": Learner.BOTH}, 32),
}


@pytest.mark.parametrize("name", SEVERAL_RUNS)
def test_each_run_has_a_binding_of_its_own_which_both_sides_share(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changes, runs = SEVERAL_RUNS[name]
    made: list[bytes] = []

    def noted(**fields: object) -> RunContext:
        made.append(fields["binding"])  # type: ignore[arg-type]
        return RunContext(**fields)  # type: ignore[arg-type]

    monkeypatch.setattr(party, "RunContext", noted)
    sessions = []
    for seed in ("one", "two"):
        made.clear()
        agreed = terms(**changes)
        empty = {"sizes": (1,) * agreed.lists, "values": np.ones_like}
        pump({side: Party(setup(side, [b"a"], agreed, seed, **empty)) for side in Side})
        sessions.append(sorted(made))
    for bindings in sessions:
        assert len(bindings) == 2 * runs
        assert bindings[::2] == bindings[1::2]
        assert {len(binding) for binding in bindings} == {64}
    assert len({*sessions[0], *sessions[1]}) == 2 * runs


@pytest.mark.parametrize("mode", [{}, {"reveal": Reveal.COUNT}, SUM], ids=["matches", "count", "sum"])
def test_equal_lists_under_equal_scalars_have_other_tags_in_each_run_and_session(
    mode: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scalars are drawn anew for each run; were they not, the binding alone would keep the runs' tags apart."""
    fixed = bytes(range(32))
    monkeypatch.setattr(Scalar, "draw", classmethod(lambda cls, entropy: cls(fixed)))
    seen: set[bytes] = set()
    tags = 0
    for now in (1, 2):
        frames: list[bytes] = []

        def keep(side: Side, frame: Frame, frames: list[bytes] = frames) -> None:
            if frame.type == M.TAGS:
                frames.append(bytes(frame.payload))

        played(terms(learn=Learner.BOTH, **mode), keep, now=now)
        width = len(b"".join(frames)) // (2 * len(ITEMS))
        seen |= {some[at : at + width] for some in frames for at in range(0, len(some), width)}
        tags += 2 * len(ITEMS)
    assert len(seen) == tags == 32


# ---- the record

LEFT, RIGHT = [b"%d" % i for i in range(9)], [b"%d" % i for i in range(4, 12)]
RECORDED: dict[str, tuple[dict[str, object], list[int] | None]] = {
    "one learns": ({}, None),
    "the other learns": ({"learn": Learner.LISTEN}, None),
    "both learn": ({"learn": Learner.BOTH}, [5]),
    "both count": ({"learn": Learner.BOTH, "reveal": Reveal.COUNT}, [5]),
    "both, two lists": ({"learn": Learner.BOTH, "keys": (RAW, RAW)}, [5, 5]),
    "the other compares": ({"min_matches": 5, "min_matches_by": Comparer.OTHER}, [5]),
    "both, withheld": ({"learn": Learner.BOTH, "min_matches": 6}, None),
    "a sum": (SUM, None),
    "a noisy count": (NOISY, None),
    "padded": ({"pad_to": 10, "learn": Learner.BOTH}, [5]),
    "with columns": ({**COLUMNS, "columns": ColumnTerms(connect=("a",), listen=()), "learn": Learner.LISTEN}, None),
}


@pytest.mark.parametrize("name", RECORDED)
def test_the_record_says_what_was_agreed_and_each_side_signs_it(name: str) -> None:
    """The listening side's clock dates it; sizes and certificates stand under the side that they are of."""
    changes, counts = RECORDED[name]
    agreed = terms(**changes)
    lists = {Side.CONNECT: LEFT, Side.LISTEN: RIGHT}
    times = {Side.CONNECT: 1_000, Side.LISTEN: 2_000}
    parties = {
        side: Party(
            setup(side, lists[side], agreed, now=times[side], sizes=(len(lists[side]),) * agreed.lists,
                  values=np.ones_like, labels=NoColumns())
        )
        for side in Side
    }  # fmt: skip
    pump(parties)
    sizes = {side.value: [agreed.pad_to or len(lists[side])] * agreed.lists for side in Side}
    for side, one in parties.items():
        assert one.record == {
            "record": "psiselect-1",
            "terms": agreed.to_json(),
            "time": 2_000,
            "sizes": sizes,
            "fingerprints": {s.value: KEYS[s].fingerprint.hex() for s in Side},
            "transcript": parties[side.other].transcript.hex(),
            "counts": counts,
        }
        assert one.signatures == parties[side.other].signatures
        for signer, signature in one.signatures.items():
            content = messages.signed_bytes("record", signer, strict_json.encode(one.record))
            KEYS[signer].verify(signature, content)


class NoColumns:
    """Labels of zeros."""

    width = 64

    def payloads(self, numbers: np.ndarray) -> np.ndarray:
        return np.zeros((len(numbers), 64), np.uint8)
