"""What a file and an exchange are bound to: each part of it, in its place."""

from __future__ import annotations

import dataclasses

import pytest
from support.exchanged import Pair

from psi.agreement.modes import Side
from psi.offline import envelope, exchange
from psi.offline.envelope import FileKind
from psi.protocol.messages import MessageType as M
from psi.transport.wire import Frame
from psiselect.base.errors import RemoteError

NAMES = ("hello", "sizes", "print")
PARTS = {side: {name: name.encode() + side.value.encode() for name in NAMES} for side in Side}


def transcript(parts: dict[Side, dict[str, bytes]], offer_id: bytes = bytes(32)) -> bytes:
    hellos, sizes, prints = ({side: parts[side][name] for side in Side} for name in NAMES)
    return exchange.transcript(hellos, sizes, prints, offer_id)


def test_a_transcript_has_every_part_of_an_exchange_in_it() -> None:
    made = [transcript(PARTS), transcript(PARTS, b"\1" + bytes(31)), transcript(PARTS, bytes(31) + b"\1")]
    made += [transcript({**PARTS, side: {**PARTS[side], part: b"x"}}) for side in Side for part in NAMES]
    made.append(transcript({side: PARTS[side.other] for side in Side}))
    for part in NAMES:
        moved = {**PARTS[Side.LISTEN], part: PARTS[Side.LISTEN][part][:-1]}
        shifted = {**PARTS[Side.CONNECT], part: PARTS[Side.LISTEN][part][-1:] + PARTS[Side.CONNECT][part]}
        made.append(transcript({Side.LISTEN: moved, Side.CONNECT: shifted}))
    assert len(set(made)) == len(made) == 13
    assert {len(one) for one in made} == {64}


PLAIN = envelope._FileHeader(FileKind.OFFER, bytes(32), bytes(32), bytes(32), 5, bytes(80))
OTHERS = {
    "kind": FileKind.ANSWER,
    "author": bytes(31) + b"\1",
    "addressee": bytes(31) + b"\1",
    "previous": bytes(31) + b"\1",
    "length": 6,
    "wrapped": bytes(79) + b"\1",
}


def test_a_file_id_has_the_whole_header_and_the_chunks_in_it() -> None:
    assert OTHERS.keys() == {field.name for field in dataclasses.fields(PLAIN)}
    made = {PLAIN.file_id(bytes(64)), PLAIN.file_id(bytes(63) + b"\1")}
    made |= {dataclasses.replace(PLAIN, **{name: value}).file_id(bytes(64)) for name, value in OTHERS.items()}
    assert len(made) == 2 + len(OTHERS)


def test_a_wrapped_key_is_for_one_kind_author_addressee_and_file() -> None:
    """The length and the key itself are not known yet when the key is wrapped; the signature covers them."""
    made = {name: dataclasses.replace(PLAIN, **{name: value}).info for name, value in OTHERS.items()}
    assert made.pop("length") == made.pop("wrapped") == PLAIN.info
    assert len({PLAIN.info, *made.values()}) == 5


def test_nonces_of_chunks_say_which_and_whether_it_is_the_last() -> None:
    made = [envelope._nonce(number, last=last) for number in (0, 1, 255, 256, 1 << 40) for last in (False, True)]
    assert len(set(made)) == 10
    assert {len(nonce) for nonce in made} == {12}


def test_a_signature_is_for_one_kind_and_one_file() -> None:
    assert len({envelope._signed(kind, file) for kind in FileKind for file in (bytes(32), b"\1" + bytes(31))}) == 4


@pytest.mark.parametrize("kind", [M.TAGS, M.REPLIES])
def test_what_answers_one_offer_is_of_no_use_for_another(pair: Pair, kind: M) -> None:
    """Tags or replies of the first answer in the second one: no match, or a refusal."""
    offers = [pair.offer(seed=bytes([number]) * 32) for number in range(2)]
    answers = [pair.answer(offer)[0] for offer, _ in offers]
    frames = [list(pair.read(FileKind.ANSWER, answer).frames()) for answer in answers]
    taken = iter([frame for frame in frames[0] if frame.type == kind])
    mixed = [Frame(f.type, bytes((next(taken) if f.type == kind else f).payload)) for f in frames[1]]
    offer, contents = offers[1]
    offer_id = pair.read(FileKind.OFFER, offer).id
    setup = pair.offerer(seed=bytes([1]) * 32)
    whole = exchange.finish(setup, offer_id, contents, iter(frames[1]), lambda done, total: None)
    assert whole.outcome.matches == 2
    try:
        again = pair.offerer(seed=bytes([1]) * 32)
        found = exchange.finish(again, offer_id, contents, iter(mixed), lambda done, total: None)
    except RemoteError:
        return
    assert found.outcome.matches == 0
