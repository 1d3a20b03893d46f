"""What a peer may not send: every message out of place, of another size, or of another form."""

from __future__ import annotations

import numpy as np
import pytest
from support.entropy import FixedEntropy
from support.fast import context, drive, every_kernels, run_both

from psi.fast.messages import FastMessage as M
from psi.fast.parameters import CHOICES, slots
from psi.fast.receiver import FastReceiver
from psi.fast.sender import FastSender
from psi.fast.states import TABLE, FastState, after
from psi.store.spool import Store
from psi.transport.wire import MAX_FRAME_BYTES, Frame
from psiselect.base.errors import PsiselectError, RemoteError
from psiselect.base.turns import RECEIVE, SEND, Way

OWN = [b"own %d" % number for number in range(40)]
OTHER = [b"own %d" % number for number in range(20, 60)]
WHO = {M.SEED_REQUEST: "sender", M.TAGS: "sender", M.TAGS_END: "sender"}


@pytest.mark.parametrize("state", FastState)
@pytest.mark.parametrize("message", [*M, 0, 3, 15, 255])
def test_every_message_in_every_state(state: FastState, message: int) -> None:
    for way, error in ((RECEIVE, RemoteError), (SEND, RuntimeError)):
        allowed = TABLE[state].get((way, message))  # type: ignore[call-overload]
        if allowed is not None:
            assert after(state, way, message) is allowed
            continue
        with pytest.raises(error, match=f"message type {int(message)}"):
            after(state, way, message)


def test_the_two_sides_tables_fit_each_other() -> None:
    """What one side may send at a point the other may receive there, from the first message to the last."""
    places = {(FastState.WAITING, FastState.ASKING)}
    seen = set(places)
    while places:
        receiver, sender = places.pop()
        for one, other, turned in ((receiver, sender, False), (sender, receiver, True)):
            for (way, message), following in TABLE[one].items():
                if way is Way.SEND:
                    pair = (following, after(other, RECEIVE, message))
                    pair = pair[::-1] if turned else pair
                    if pair not in seen:
                        seen.add(pair)
                        places.add(pair)
    assert (FastState.OVER, FastState.OVER) in seen
    assert {state for pair in seen for state in pair} == set(FastState)


def changed(message: M, change: object, number: int = 0, **changes: object) -> None:
    """A run in which the peer's message of a kind, the `number`th, is another."""
    count = 0

    def passed(who: str, frame: Frame) -> Frame | None:
        nonlocal count
        if frame.type != message:
            return frame
        count += 1
        return Frame(frame.type, change(bytes(frame.view()))) if count == number + 1 else frame  # type: ignore[operator]

    receiver = FastReceiver(context(OWN, len(OTHER), store=Store(), chunk=16, **changes))
    sender = FastSender(context(OTHER, len(OWN), store=Store(), chunk=16, **changes))
    drive(receiver, sender, passed)


@pytest.mark.parametrize("message", M)
@pytest.mark.parametrize(
    "change", [lambda p: p + b"\0", lambda p: p[:-1] if p else b"\0\0", lambda p: b"" if p else bytes(32)],
    ids=["longer", "shorter", "none"],
)  # fmt: skip
def test_messages_of_another_length_are_refused(message: M, change: object) -> None:
    with pytest.raises(RemoteError, match=r"bytes; expected "):
        changed(message, change)


@pytest.mark.parametrize("message", [M.SEED_REQUEST, M.SEED_ANSWER])
@pytest.mark.parametrize(("element", "said"), [(bytes(32), "low order"), (b"\xff" * 32, "is not below 2")])
@pytest.mark.parametrize("place", [0, 100, CHOICES - 1])
def test_bad_points_are_refused_by_position(message: M, element: bytes, said: str, place: int) -> None:
    def change(payload: bytes) -> bytes:
        return payload[: 32 * place] + element + payload[32 * place + 32 :]

    with pytest.raises(RemoteError, match=f"encrypted key {place} .*{said}"):
        changed(message, change)


@pytest.mark.parametrize("attempt", [8, 9, 255])
def test_more_attempts_than_allowed_are_refused(attempt: int) -> None:
    with pytest.raises(RemoteError, match="expected at most 8"):
        changed(M.ENCODING, lambda payload: bytes((attempt,)))


def test_the_last_attempt_that_is_allowed_is_taken() -> None:
    changed(M.ENCODING, lambda payload: b"\x07")


def test_tags_must_ascend_within_and_between_chunks() -> None:
    width = context(OWN, len(OTHER)).tag_width
    with pytest.raises(RemoteError, match="ascending order"):
        changed(M.TAGS, lambda tags: tags[width : 2 * width] + tags[:width] + tags[2 * width :])
    with pytest.raises(RemoteError, match="ascending order"):
        changed(M.TAGS, lambda tags: bytes(width) + tags[width:], number=1)


def until(message: M) -> tuple[FastReceiver, FastSender]:
    """Both sides just before a message of this kind goes out, which is then lost with all that follow."""
    gone = False

    def passed(who: str, frame: Frame) -> Frame | None:
        nonlocal gone
        gone = gone or frame.type == message
        return None if gone else frame

    receiver = FastReceiver(context(OWN, len(OTHER), store=Store(), chunk=16))
    sender = FastSender(context(OTHER, len(OWN), store=Store(), chunk=16))
    with pytest.raises(RuntimeError, match="both sides wait"):
        drive(receiver, sender, passed)
    return receiver, sender


def test_too_many_and_too_few_slices_are_refused() -> None:
    size = CHOICES * slots(len(OWN)) // 8
    _, sender = until(M.MATRIX)
    with pytest.raises(RemoteError, match="fewer slices"):
        sender.receive(Frame(M.MATRIX_END, b""))
    _, sender = until(M.MATRIX)
    sender.receive(Frame(M.MATRIX, bytes(size)))
    with pytest.raises(RemoteError, match="more slices"):
        sender.receive(Frame(M.MATRIX, bytes(size)))


def test_too_many_and_too_few_tags_are_refused() -> None:
    receiver, _ = until(M.TAGS)
    width = context(OWN, len(OTHER)).tag_width
    with pytest.raises(RemoteError, match="fewer encrypted values"):
        receiver.receive(Frame(M.TAGS_END, b""))
    receiver, _ = until(M.TAGS)
    for count in (16, 16, 8):
        receiver.receive(Frame(M.TAGS, b"\x01" * (count * width)))
    with pytest.raises(RemoteError, match="more encrypted values"):
        receiver.receive(Frame(M.TAGS, b"\x01" * width))


def test_a_sender_that_repeats_one_tag_is_found_out() -> None:
    """Later, at the comparison: equal tags are no honest ones."""
    receiver, _ = until(M.TAGS)
    width = context(OWN, len(OTHER)).tag_width
    for count in (16, 16, 8):
        receiver.receive(Frame(M.TAGS, b"\x01" * (count * width)))
    receiver.receive(Frame(M.TAGS_END, b""))
    assert receiver.comparison is not None
    with pytest.raises(RemoteError, match="have the same first bytes"):
        receiver.comparison.count()


def test_random_bytes_raise_remote_errors_and_nothing_else() -> None:
    draw = FixedEntropy("noise")
    for number in range(12):
        receiver, sender = FastReceiver(context(OWN, 3, store=Store())), FastSender(context(OWN, 3, store=Store()))
        sender.start()
        for side in (receiver, sender):
            for turn in range(4):
                size = draw.read(1)[0] * (CHOICES * 32 if turn == 0 and number % 2 else 1)
                kind = list(M)[draw.read(1)[0] % len(M)]
                frame = Frame(kind, draw.read(min(size, CHOICES * 32)))
                with pytest.raises(PsiselectError) as raised:
                    side.receive(frame)
                assert type(raised.value) is RemoteError


def test_no_frame_is_longer_than_allowed() -> None:
    own = [b"%d" % number for number in range(30_000)]
    for labels in (0, 4096):
        _, said, _, _ = run_both(
            own[: 30_000 if not labels else 400], own[:300], chunk=32767, label_width=labels,
            kernels=every_kernels()[-1],
            payloads=lambda numbers: np.zeros((len(numbers), 4096), np.uint8),
        )  # fmt: skip
        assert max(len(frame) for _, frame in said) <= MAX_FRAME_BYTES
    assert max(len(frame) for _, frame in said if frame.type == M.TAGS) > MAX_FRAME_BYTES - 4200
