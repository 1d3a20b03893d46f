"""What a hostile peer may put into an offer or an answer: each is refused with a typed error."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator

import pytest
from support.exchanged import MODES, Pair
from support.parties import terms

from psi.agreement.modes import Side
from psi.identity.identity import Identity
from psi.offline.envelope import FileKind
from psi.protocol.messages import MessageType as M
from psi.transport.wire import Frame
from psiselect.base.errors import InputError, PolicyError, RemoteError


@pytest.mark.parametrize("kind", [FileKind.OFFER, FileKind.ANSWER])
def test_every_single_bit_flip_of_an_offer_and_of_an_answer_is_refused(pair: Pair, kind: FileKind) -> None:
    offer, _ = pair.offer(items=[b"a"])
    answer, _ = pair.answer(offer, items=[b"a"])
    good = {FileKind.OFFER: offer, FileKind.ANSWER: answer}[kind]
    pair.read(kind, good)
    for at in range(8 * len(good)):
        flipped = bytearray(good)
        flipped[at // 8] ^= 1 << at % 8
        with pytest.raises((InputError, RemoteError)):
            pair.read(kind, bytes(flipped))


# What a hostile peer may put into a file that it signs properly.


def rewritten(pair: Pair, kind: FileKind, data: bytes, change: Callable[[list[Frame]], Iterable[Frame]]) -> bytes:
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
        bad_offer = rewritten(pair, FileKind.OFFER, offer, lambda frames: changed(frames, source))
        bad_answer = rewritten(pair, FileKind.ANSWER, answer, lambda frames: changed(frames, source))
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
            pair.answer(rewritten(pair, FileKind.OFFER, offer, change))
        with pytest.raises(RemoteError):
            pair.finish(offer, contents, rewritten(pair, FileKind.ANSWER, answer, change))


def test_a_signature_over_another_record_is_refused(pair: Pair) -> None:
    offer, contents = pair.offer()
    answer, _ = pair.answer(offer)
    for signature in (bytes(64), b"", bytes(65)):
        other = rewritten(
            pair, FileKind.ANSWER, answer, lambda frames, last=signature: [*frames[:-1], Frame(M.FINISH, last)]
        )
        with pytest.raises(RemoteError):
            pair.finish(offer, contents, other)


def test_an_answer_made_for_another_offer_does_not_finish_this_one(pair: Pair) -> None:
    """Even if its header says so: its tags and its record are bound to the other."""
    offer, contents = pair.offer()
    other, _ = pair.offer(seed=bytes(32))
    answer, _ = pair.answer(other)
    frames = list(pair.read(FileKind.ANSWER, answer).frames())
    moved, _ = pair.write(
        FileKind.ANSWER, pair.read(FileKind.OFFER, offer).id, lambda writer: [writer.send(frame) for frame in frames]
    )
    with pytest.raises(RemoteError, match="is not valid"):
        pair.finish(offer, contents, moved)
