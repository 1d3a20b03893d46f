from __future__ import annotations

import subprocess
import sys

import gmpy2
import pytest

from mpc.mpyc_bridge import Bridge, load, prime
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
