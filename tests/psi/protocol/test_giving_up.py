"""A side that gives up says so and is gone within seconds, whatever its peer does."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from support import rawtls
from support.parties import setup, terms
from support.tapped import tapped_pair

from psi.agreement.modes import Side
from psi.group.curve25519.portable import PortableBackend
from psi.identity.identity import Identity
from psi.protocol import messages
from psi.protocol.messages import MessageType
from psi.session import session
from psi.transport.tls import Listener
from psi.transport.wire import Frame
from psiselect.base import strict_json
from psiselect.base.errors import TransportError

BULK = Frame(MessageType.ELEMENTS, bytes(250_000))
LAST = Frame(MessageType.ABORT, b"the reason")


def test_a_stopped_peer_with_a_full_queue_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Ctrl-C, or an own error, while the peer takes nothing; its deadline of two minutes does not count."""
    acme, globex = (Identity.create(name, tmp_path) for name in ("acme", "globex"))
    with (
        Listener("127.0.0.1:0", acme, [globex.public], timeout=120) as listener,
        rawtls.client(listener.address, acme.public, globex),
    ):
        channel = listener.accept()
        while channel.ready_to_send() or not settled(channel):
            channel.send(BULK)
        started = time.monotonic()
        channel.abandon(LAST)
        assert time.monotonic() - started < 20


def settled(channel: object) -> bool:
    """Whether the kernel takes no more either."""
    time.sleep(0.2)
    return not channel.ready_to_send()  # type: ignore[attr-defined]


def test_the_reason_overtakes_the_bulk_but_not_what_is_at_the_front() -> None:
    near, far = tapped_pair(timeout=120, queue_bytes=1 << 30)
    near.send(Frame(MessageType.HELLO, b"terms"))
    for _ in range(40):
        near.send(BULK)
    near.abandon(LAST)
    arrived = [far.receive(0) for _ in range(2)]
    assert [bytes(frame.payload) for frame in arrived if frame] == [b"terms", b"the reason"]
    with pytest.raises(TransportError):
        far.receive(0)


class Broken(PortableBackend):
    """Fails where a backend must not."""

    def hash_and_mask(self, *_: object) -> object:  # type: ignore[override]
        raise KeyboardInterrupt


def test_an_interrupted_session_tells_the_peer_at_once() -> None:
    near, far = tapped_pair(timeout=120)
    items = [b"%d" % number for number in range(100)]
    own = setup(Side.CONNECT, items, terms(), backend=Broken(threads=1))
    # The peer's messages are made from ours, which are known beforehand: nonce and time are fixed here.
    peer, twin = session.Party(setup(Side.LISTEN, items, terms())), session.Party(setup(Side.CONNECT, items, terms()))
    (hello,), (own_hello,) = peer.start(), twin.start()
    (proof,), (own_proof,) = peer.receive(own_hello), twin.receive(hello)
    for frame in (hello, proof, *peer.receive(own_proof)):
        far.send(frame)
    with pytest.raises(KeyboardInterrupt):
        session.run(near, own)
    types = []
    while (frame := far.receive(0)) is not None and frame.type != MessageType.ABORT:
        types.append(frame.type)
    assert types == [MessageType.HELLO, MessageType.AUTH, MessageType.SIZES]
    assert frame is not None
    assert "somebody, or the peer's computer, stopped" in str(messages.decode_abort(frame.payload))


@pytest.mark.parametrize(
    ("term", "said"),
    [
        ("version", "another release of psiselect. Install the same release"),
        ("min_matches", "because of --min-matches. Agree with the peer on --min-matches, then"),
        ("rule", "because of --key. Agree"),
        ("columns", "because of --send and --receive. Agree"),
        ("time", "because of the setting 'time'. Ask the peer which message their program shows"),
    ],
)
def test_a_setting_that_the_peer_refuses_is_named_with_its_remedy(term: str, said: str) -> None:
    payload = strict_json.encode({"code": "terms", "term": term})
    assert said in str(messages.decode_abort(payload))
