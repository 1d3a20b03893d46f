"""Offer, answer, finish: the result is a plain computation's, and everything out of place is refused."""

from __future__ import annotations

import dataclasses
import io
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import pytest
from support.entropy import FixedEntropy
from support.parties import RAW, setup, terms

from dpselect.truncated import truncation_bound
from psi.agreement.outcomes import Comparer, Learner, Reveal, Side
from psi.agreement.terms import KeyTerm, Terms
from psi.identity.identity import Identity
from psi.inputs.tokens import KeyTokens
from psi.offline import exchange
from psi.offline.envelope import NO_FILE, Kind, Reader, Writer
from psi.offline.exchange import Result
from psi.protocol import messages
from psi.protocol.messages import MessageType as M
from psi.protocol.party import Setup
from psi.transport.wire import Frame
from psiselect.base import strict_json
from psiselect.base.errors import InputError, PolicyError, RemoteError, UsageError
from psiselect.base.packed import Packed
from psiselect.base.seeded import SeededEntropy

SEED = bytes(range(32))
OWN = [b"a", b"b", b"c", b"d"]
PEER = [b"x", b"c", b"a"]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> dict[Side, Identity]:
    folder = tmp_path_factory.mktemp("people")
    return {Side.CONNECT: Identity.create("acme", folder), Side.LISTEN: Identity.create("globex", folder)}


@dataclass
class Pair:
    """Both parties' set-ups; each call makes them anew, as each command does."""

    people: dict[Side, Identity]
    agreed: Terms

    def setup(self, side: Side, items: Iterable[bytes], **changes: object) -> Setup:
        whom = {"signer": self.people[side], "verifier": self.people[side.other].public}
        return setup(side, items, self.agreed, **{**whom, **changes})

    def offerer(self, items: Iterable[bytes] = OWN, seed: bytes = SEED, **changes: object) -> Setup:
        packed, entropy = Packed.of(items), SeededEntropy(seed)

        def tokens(number: int) -> KeyTokens:
            return KeyTokens.shuffled(packed, b"\x01", entropy)

        return self.setup(Side.CONNECT, items, **{"tokens": tokens, "entropy": entropy, **changes})

    def answerer(self, items: Iterable[bytes] = PEER, **changes: object) -> Setup:
        return self.setup(Side.LISTEN, items, **changes)

    def write(self, kind: Kind, previous: bytes, frames: Callable[[Writer], object]) -> tuple[bytes, object]:
        file = io.BytesIO()
        author, reader = self.people[kind.side], self.people[kind.side.other]
        writer = Writer(file, kind, author, reader.public, previous, FixedEntropy("file"))
        made = frames(writer)
        writer.finish()
        return file.getvalue(), made

    def read(self, kind: Kind, data: bytes) -> Reader:
        own, author = self.people[kind.side.other], self.people[kind.side]
        return Reader(io.BytesIO(data), "the file", kind, own, [author.public])

    def offer(self, **changes: object) -> tuple[bytes, bytes]:
        file, contents = self.write(
            Kind.OFFER, NO_FILE, lambda writer: exchange.offer(self.offerer(**changes), writer.send, silent)
        )
        assert isinstance(contents, bytes)
        return file, contents

    def answer(self, offer: bytes, **changes: object) -> tuple[bytes, Result]:
        reader = self.read(Kind.OFFER, offer)
        file, result = self.write(
            Kind.ANSWER,
            reader.id,
            lambda writer: exchange.answer(self.answerer(**changes), reader.id, reader.frames(), writer.send, silent),
        )
        assert isinstance(result, Result)
        return file, result

    def finish(self, offer: bytes, contents: bytes, answer: bytes, **changes: object) -> Result:
        offer_id = self.read(Kind.OFFER, offer).id
        reader = self.read(Kind.ANSWER, answer)
        assert reader.previous == offer_id
        return exchange.finish(self.offerer(**changes), offer_id, contents, reader.frames(), silent)


def silent(done: int, total: int) -> None:
    """No progress."""


@pytest.fixture
def pair(people: dict[Side, Identity]) -> Pair:
    return Pair(people, terms())


MODES = {
    "matches": {},
    "count": {"reveal": Reveal.COUNT},
    "noisy-count": {"reveal": Reveal.NOISY_COUNT, "epsilon": "1", "delta": "1/1000"},
    "padded": {"pad_to": 9},
    "padded count": {"reveal": Reveal.COUNT, "pad_to": 9},
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sizes", [(4, 3), (0, 5), (5, 0), (1, 1), (40, 70)])
def test_the_offerer_learns_what_a_plain_computation_says(
    people: dict[Side, Identity], mode: str, sizes: tuple[int, int]
) -> None:
    if "pad_to" in MODES[mode] and max(sizes) > 9:
        pytest.skip("longer than the padding")
    pair = Pair(people, terms(**MODES[mode]))
    own = [b"%d" % n for n in range(sizes[0])]
    peer = [b"%d" % n for n in range(sizes[0] // 2, sizes[0] // 2 + sizes[1])]
    common = set(own) & set(peer)

    offer, contents = pair.offer(items=own)
    answer, here = pair.answer(offer, items=peer)
    there = pair.finish(offer, contents, answer, items=own)

    assert (there.transcript, there.record) == (here.transcript, here.record)
    assert not here.outcome.learnt
    if mode == "noisy-count":
        assert abs(there.outcome.noisy_count - len(common)) <= truncation_bound(Fraction(1), Fraction(1, 1000))
        return
    assert there.outcome.matches == len(common)
    if MODES[mode].get("reveal") is Reveal.COUNT:
        assert there.outcome.matched is None
    else:
        assert {own[key] for key in there.outcome.matched[0]} == common


def test_a_noisy_count_is_the_count_and_the_noise_that_the_answerer_drew(
    people: dict[Side, Identity], monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Pair(people, terms(**MODES["noisy-count"]))
    bound = truncation_bound(Fraction(1), Fraction(1, 1000))
    for noise in (-bound, 3, bound):
        monkeypatch.setattr("psi.inputs.padding.truncated_laplace", lambda *given, noise=noise: noise)
        offer, contents = pair.offer()
        answer, _ = pair.answer(offer)
        assert pair.finish(offer, contents, answer).outcome.noisy_count == 2 + noise


def test_the_record_is_signed_by_both(pair: Pair, people: dict[Side, Identity]) -> None:
    offer, contents = pair.offer()
    answer, here = pair.answer(offer)
    there = pair.finish(offer, contents, answer)
    assert set(here.signatures) == {Side.LISTEN}
    assert there.signatures[Side.LISTEN] == here.signatures[Side.LISTEN]
    for side in Side:
        signed = messages.signed_bytes("record", side, strict_json.encode(there.record))
        people[side].public.verify(there.signatures[side], signed)
    assert there.record["sizes"] == {"connect": [4], "listen": [3]}


def test_finishing_again_gives_the_same(pair: Pair) -> None:
    offer, contents = pair.offer()
    answer, _ = pair.answer(offer)
    first, second = (pair.finish(offer, contents, answer) for _ in range(2))
    assert (first.outcome.matches, first.transcript) == (second.outcome.matches, second.transcript)
    assert first.outcome.matched[0].tolist() == second.outcome.matched[0].tolist()


def test_two_answers_share_no_tag_and_no_transcript(pair: Pair) -> None:
    offer, _ = pair.offer()
    seen = []
    for number in range(2):
        answer, result = pair.answer(offer, entropy=FixedEntropy(str(number)))
        frames = list(pair.read(Kind.ANSWER, answer).frames())
        seen.append((result.transcript, [bytes(f.payload) for f in frames if f.type in (M.TAGS, M.REPLIES)]))
    assert seen[0][0] != seen[1][0]
    assert not set(seen[0][1]) & set(seen[1][1])


def test_online_and_offline_transcripts_never_meet(pair: Pair, people: dict[Side, Identity]) -> None:
    offer, contents = pair.offer()
    answer, _ = pair.answer(offer)
    result = pair.finish(offer, contents, answer)
    hellos = {
        kind.side: bytes(next(pair.read(kind, data).frames()).payload)
        for kind, data in ((Kind.OFFER, offer), (Kind.ANSWER, answer))
    }
    prints = {side: people[side].fingerprint for side in Side}
    assert result.transcript != messages.transcript(hellos, prints)
    again = exchange.transcript(hellos, prints, pair.read(Kind.OFFER, offer).id)
    assert result.transcript == again
    assert result.transcript != exchange.transcript(hellos, prints, bytes(32))


@pytest.mark.parametrize(
    "items", [[b"a", b"b", b"c"], [b"a", b"b", b"c", b"e"], [b"b", b"a", b"c", b"d"], [b"a", b"bc", b"", b"d"]]
)
def test_another_input_at_the_end_is_refused(pair: Pair, items: list[bytes]) -> None:
    offer, contents = pair.offer()
    answer, _ = pair.answer(offer)
    with pytest.raises(InputError, match="not made from this list"):
        pair.finish(offer, contents, answer, items=items)


def test_another_seed_at_the_end_is_refused(pair: Pair) -> None:
    offer, contents = pair.offer()
    answer, _ = pair.answer(offer)
    with pytest.raises(InputError, match="not made from this list"):
        pair.finish(offer, contents, answer, seed=bytes(32))


@pytest.mark.parametrize(
    ("changes", "term"),
    [
        ({"reveal": Reveal.COUNT}, "reveal"),
        ({"chunk": 8}, "chunk"),
        ({"min_matches": 2}, "min_matches"),
        ({"pad_to": 9}, "pad_to"),
        ({"keys": (KeyTerm("email/1", "11" * 32),)}, "rule"),
    ],
)
def test_differing_terms_are_named_before_own_data_is_used(pair: Pair, changes: dict[str, object], term: str) -> None:
    offer, _ = pair.offer()

    def tokens(number: int) -> KeyTokens:
        raise AssertionError("own list used")

    with pytest.raises(RemoteError) as caught:
        pair.answer(offer, terms=dataclasses.replace(pair.agreed, **changes), tokens=tokens)
    assert caught.value.term == term


def test_own_policy_is_asked_before_own_data_is_used(pair: Pair) -> None:
    offer, contents = pair.offer()
    asked = []

    def refuse(size: int) -> None:
        asked.append(size)
        raise PolicyError("no")

    def tokens(number: int) -> KeyTokens:
        raise AssertionError("own list used")

    with pytest.raises(PolicyError):
        pair.answer(offer, admit=refuse, tokens=tokens)
    with pytest.raises(PolicyError, match="max-peer-size"):
        pair.answer(offer, max_peer_size=3, tokens=tokens)
    with pytest.raises(PolicyError):
        pair.offer(admit=refuse, tokens=tokens)
    answer, _ = pair.answer(offer)
    with pytest.raises(PolicyError, match="max-peer-size"):
        pair.finish(offer, contents, answer, max_peer_size=2)
    assert asked == [4, 0]


def test_a_result_below_the_minimum_is_withheld(people: dict[Side, Identity]) -> None:
    for least, withheld in ((2, False), (3, True)):
        pair = Pair(people, terms(min_matches=least))
        offer, contents = pair.offer()
        answer, _ = pair.answer(offer)
        outcome = pair.finish(offer, contents, answer).outcome
        assert outcome.withheld is withheld
        assert (outcome.matches is None) is withheld


@pytest.mark.parametrize("learn", [Learner.LISTEN, Learner.BOTH])
def test_only_the_offerer_can_learn(people: dict[Side, Identity], learn: Learner) -> None:
    pair = Pair(people, terms(learn=learn))
    with pytest.raises(UsageError, match="the side that offers"):
        pair.offer()


@pytest.mark.parametrize(
    ("changes", "term"),
    [
        ({"reveal": Reveal.SUM, "value_decimals": 0, "value_max": "10"}, "reveal"),
        ({"min_matches": 2, "min_matches_by": Comparer.OTHER}, "min_matches_by"),
    ],
)
def test_what_needs_more_messages_is_refused(
    people: dict[Side, Identity], changes: dict[str, object], term: str
) -> None:
    pair = Pair(people, terms(**changes))
    with pytest.raises(UsageError, match="psi listen") as caught:
        pair.offer()
    assert caught.value.term == term


@pytest.mark.parametrize("kind", Kind)
def test_every_single_bit_flip_of_an_offer_and_of_an_answer_is_refused(pair: Pair, kind: Kind) -> None:
    offer, _ = pair.offer(items=[b"a"])
    answer, _ = pair.answer(offer, items=[b"a"])
    good = {Kind.OFFER: offer, Kind.ANSWER: answer}[kind]
    pair.read(kind, good)
    for at in range(8 * len(good)):
        flipped = bytearray(good)
        flipped[at // 8] ^= 1 << at % 8
        with pytest.raises((InputError, RemoteError)):
            pair.read(kind, bytes(flipped))


# What a hostile peer may put into a file that it signs properly.


def rewritten(pair: Pair, kind: Kind, data: bytes, change: Callable[[list[Frame]], Iterable[Frame]]) -> bytes:
    reader = pair.read(kind, data)
    frames = change(list(reader.frames()))
    return pair.write(kind, reader.previous, lambda writer: [writer.send(frame) for frame in frames])[0]


def changed(frames: list[Frame], source: random.Random) -> Iterator[Frame]:
    """A few frames dropped, repeated, moved, retyped, cut or garbled."""
    frames = list(frames)
    for _ in range(source.randint(1, 3)):
        if not frames:
            break
        at = source.randrange(len(frames))
        match source.randrange(6):
            case 0:
                del frames[at]
            case 1:
                frames.insert(at, frames[source.randrange(len(frames))])
            case 2:
                frames.insert(source.randrange(len(frames)), frames.pop(at))
            case 3:
                frames[at] = Frame(source.randrange(17), frames[at].payload)
            case 4:
                payload = bytes(frames[at].payload)
                frames[at] = Frame(frames[at].type, payload[: source.randrange(len(payload) + 1)])
            case 5:
                payload = bytearray(frames[at].payload) or bytearray(1)
                payload[source.randrange(len(payload))] ^= 1 << source.randrange(8)
                frames[at] = Frame(frames[at].type, bytes(payload))
    yield from frames


@pytest.mark.parametrize("count", [40, pytest.param(2_500, marks=pytest.mark.soak)])
@pytest.mark.parametrize("mode", ["matches", "count"])
def test_properly_signed_nonsense_raises_typed_errors_only(people: dict[Side, Identity], mode: str, count: int) -> None:
    """A garbled element or reply that is still a point gives a wrong result, as a sender's false list would; everything
    else is the peer's fault, and nothing else is raised."""
    pair = Pair(people, terms(**MODES[mode], chunk=2))
    offer, contents = pair.offer()
    answer, _ = pair.answer(offer)
    source = random.Random(count)
    refused = 0
    for _ in range(count):
        bad_offer = rewritten(pair, Kind.OFFER, offer, lambda frames: changed(frames, source))
        bad_answer = rewritten(pair, Kind.ANSWER, answer, lambda frames: changed(frames, source))
        for attempt in (
            lambda file=bad_offer: pair.answer(file),
            lambda file=bad_answer: pair.finish(offer, contents, file),
        ):
            try:
                attempt()
            except (RemoteError, PolicyError):
                refused += 1
    assert refused > count


@pytest.mark.parametrize("more", [Frame(M.ALIVE, b""), Frame(M.FINISH, bytes(64)), Frame(M.ELEMENTS_END, b"")])
def test_nothing_may_follow_the_end_or_come_between(pair: Pair, more: Frame) -> None:
    offer, contents = pair.offer()
    answer, _ = pair.answer(offer)
    for place in (None, 1, 2):

        def change(frames: list[Frame], place: int | None = place) -> list[Frame]:
            at = len(frames) if place is None else place
            return [*frames[:at], more, *frames[at:]]

        with pytest.raises(RemoteError):
            pair.answer(rewritten(pair, Kind.OFFER, offer, change))
        with pytest.raises(RemoteError):
            pair.finish(offer, contents, rewritten(pair, Kind.ANSWER, answer, change))


def test_a_signature_over_another_record_is_refused(pair: Pair) -> None:
    offer, contents = pair.offer()
    answer, _ = pair.answer(offer)
    for signature in (bytes(64), b"", bytes(65)):
        other = rewritten(
            pair, Kind.ANSWER, answer, lambda frames, last=signature: [*frames[:-1], Frame(M.FINISH, last)]
        )
        with pytest.raises(RemoteError):
            pair.finish(offer, contents, other)


def test_an_answer_made_for_another_offer_does_not_finish_this_one(pair: Pair) -> None:
    """Even if its header says so: its tags and its record are bound to the other."""
    offer, contents = pair.offer()
    other, _ = pair.offer(seed=bytes(32))
    answer, _ = pair.answer(other)
    frames = list(pair.read(Kind.ANSWER, answer).frames())
    moved, _ = pair.write(
        Kind.ANSWER, pair.read(Kind.OFFER, offer).id, lambda writer: [writer.send(frame) for frame in frames]
    )
    with pytest.raises(RemoteError, match="does not verify"):
        pair.finish(offer, contents, moved)


def test_raw_is_the_rule_of_these_tests(pair: Pair) -> None:
    assert pair.agreed.keys == (RAW,)
