from __future__ import annotations

import asyncio
import subprocess
import sys

import gmpy2
import pytest

from mpc.mpyc_bridge import _CHUNK, Bridge, BridgeLink, load, prime
from psi.transport.wire import MAX_FRAME_BYTES, Frame
from psiselect.base.errors import RemoteError

PROBE = """
import logging, os, sys
sys.argv = ["prog", "-M", "3", "--help", "-V"]
os.environ["MPYC_NOPRSS"] = "1"
before = (list(sys.argv), dict(os.environ), logging.getLogger().level, len(logging.getLogger().handlers))
from mpc.mpyc_bridge import load
load()
after = (list(sys.argv), dict(os.environ), logging.getLogger().level, len(logging.getLogger().handlers))
assert before == after, (before, after)
"""


def test_importing_mpyc_leaves_no_trace() -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", PROBE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_mpyc_cannot_unpickle() -> None:
    module = load()
    for name in ("loads", "dumps"):
        with pytest.raises(RemoteError):
            getattr(module.pickle, name)(b"")


@pytest.mark.parametrize("bits", [3, 20, 64, 128])
def test_the_modulus_is_a_blum_prime_with_room_for_the_mask(bits: int) -> None:
    p = prime(bits)
    assert gmpy2.is_prime(p)
    assert p % 4 == 3
    assert p.bit_length() == bits + 42


@pytest.mark.parametrize("data", [b"\x02\x00" + bytes(40), b"\x01\x00" + b"\xff" * 12 + bytes(80 << 20)])
def test_hostile_bytes_are_refused(data: bytes) -> None:
    # Party 1 (of 3) hears from party 0: it claims to be another, or announces 4 GiB and starts to send them.
    bridge = Bridge(1, 3, lambda *_: None)
    try:
        with pytest.raises(RemoteError):
            bridge.deliver(0, b"\x00\x00" + data[2:] if data[0] == 1 else data)
    finally:
        bridge.close()


@pytest.mark.parametrize(("second", "taken"), [(b"\x00", True), (b"\x01", False)])
def test_a_greeting_that_comes_byte_by_byte_must_name_its_sender(second: bytes, taken: bool) -> None:
    bridge = Bridge(1, 3, lambda *_: None)
    try:
        bridge.deliver(0, b"\x00")
        assert 0 not in bridge._greeted
        if taken:
            bridge.deliver(0, second)
            assert 0 in bridge._greeted
        else:
            with pytest.raises(RemoteError, match="has the number of another party"):
                bridge.deliver(0, second)
    finally:
        bridge.close()


def test_a_bridge_closes_though_what_is_queued_stops_its_loop() -> None:
    """A frame that arrived while the run ended may tell of a party that is gone, and stops the loop once more."""
    bridge = Bridge(0, 3, lambda *_: None)
    heard: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            heard.append("cancelled")

    task = bridge.loop.create_task(waits())
    bridge.loop.call_soon(bridge.loop.stop)
    bridge.loop.run_forever()
    bridge.loop.call_soon(bridge.loop.stop)
    bridge.close()
    assert (heard, task.cancelled()) == (["cancelled"], True)


@pytest.mark.parametrize("size", [1, _CHUNK, _CHUNK + 1, 3 * _CHUNK])
def test_long_messages_leave_in_frames_that_fit(size: int) -> None:
    bridge = Bridge(0, 3, lambda *_: None)
    sent: list[bytes] = []
    try:
        link, data = BridgeLink(bridge.loop, sent.append), bytes(i % 251 for i in range(1000)) * (size // 1000 + 1)
        link.write(data[: size // 2])
        link.write(data[size // 2 : size])
        assert sent == []
        bridge.loop.run_until_complete(asyncio.sleep(0))
        assert b"".join(sent) == data[:size]
        assert len(sent) == -(-size // _CHUNK)
        assert all(len(Frame(0, part)) <= MAX_FRAME_BYTES for part in sent)
    finally:
        bridge.close()


def test_a_closed_bridge_keeps_no_masks() -> None:
    bridge = Bridge(0, 3, lambda *_: None)
    bridge.runtime.prfs(101)
    assert bridge.runtime.prfs.cache_info().currsize > 0
    bridge.close()
    assert bridge.runtime.prfs.cache_info().currsize == 0
    assert bridge.loop.is_closed()
