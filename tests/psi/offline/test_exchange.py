"""Offer, answer, finish: the result is a plain computation's, and other lists, terms and modes are refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from fractions import Fraction

import pytest
from support.entropy import FixedEntropy
from support.exchanged import MODES, Pair, silent
from support.parties import RAW, terms

from dpselect.truncated import truncation_bound
from psi.agreement.modes import Comparer, Learner, Reveal, Side
from psi.agreement.terms import KeyTerm
from psi.identity.identity import Identity
from psi.inputs.tokens import KeyTokens
from psi.offline import exchange
from psi.offline.envelope import FileKind
from psi.protocol import messages
from psi.protocol.messages import MessageType as M
from psi.transport.wire import Frame
from psiselect.base import strict_json
from psiselect.base.errors import InputError, PolicyError, RemoteError, UsageError


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
        frames = list(pair.read(FileKind.ANSWER, answer).frames())
        seen.append((result.transcript, [bytes(f.payload) for f in frames if f.type in (M.TAGS, M.REPLIES)]))
    assert seen[0][0] != seen[1][0]
    assert not set(seen[0][1]) & set(seen[1][1])


def test_online_and_offline_transcripts_never_meet(pair: Pair, people: dict[Side, Identity]) -> None:
    offer, contents = pair.offer()
    answer, _ = pair.answer(offer)
    result = pair.finish(offer, contents, answer)
    frames = {
        kind.side: pair.read(kind, data).frames() for kind, data in ((FileKind.OFFER, offer), (FileKind.ANSWER, answer))
    }
    hellos, sizes = ({side: bytes(next(some).payload) for side, some in frames.items()} for _ in range(2))
    prints = {side: people[side].fingerprint for side in Side}
    assert result.transcript != messages.transcript(messages.greeting(hellos, prints), sizes)
    offer_id = pair.read(FileKind.OFFER, offer).id
    assert result.transcript == exchange.transcript(hellos, sizes, prints, offer_id)
    assert result.transcript != exchange.transcript(hellos, sizes, prints, bytes(32))
    for side in Side:
        assert result.transcript != exchange.transcript(hellos, {**sizes, side: b"x"}, prints, offer_id)


@pytest.mark.parametrize(
    "items", [[b"a", b"b", b"c"], [b"a", b"b", b"c", b"e"], [b"b", b"a", b"c", b"d"], [b"a", b"bc", b"", b"d"]]
)
def test_another_input_at_the_end_is_refused(pair: Pair, items: list[bytes]) -> None:
    offer, contents = pair.offer()
    answer, _ = pair.answer(offer)
    with pytest.raises(InputError, match="made from another list"):
        pair.finish(offer, contents, answer, items=items)


def test_another_seed_at_the_end_is_refused(pair: Pair) -> None:
    offer, contents = pair.offer()
    answer, _ = pair.answer(offer)
    with pytest.raises(InputError, match="made from another list"):
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

    def refuse() -> None:
        asked.append("admit")
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
    assert asked == ["admit", "admit"]


def test_not_a_frame_goes_out_before_own_policy_has_admitted_the_peer(pair: Pair) -> None:
    """Neither of an offer nor of an answer. A policy that refuses leaves nothing to send."""
    reader = pair.read(FileKind.OFFER, pair.offer()[0])
    steps: list[str] = []

    def send(frame: Frame) -> None:
        steps.append("send")

    def refuse() -> None:
        raise PolicyError("no")

    def play(admit: Callable[[], None]) -> Iterator[Callable[[], object]]:
        yield lambda: exchange.offer(pair.offerer(admit=admit), send, silent)
        yield lambda: exchange.answer(pair.answerer(admit=admit), reader.id, reader.frames(), send, silent)

    for call in play(refuse):
        with pytest.raises(PolicyError):
            call()
    assert steps == []
    for call in play(lambda: steps.append("admit")):
        steps.clear()
        call()
        assert steps.index("admit") == 0
        assert steps.count("send") > 2


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
    with pytest.raises(UsageError, match="the side that makes the offer"):
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


def test_raw_is_the_rule_of_these_tests(pair: Pair) -> None:
    assert pair.agreed.keys == (RAW,)
