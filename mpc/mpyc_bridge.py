"""MPyC, kept in its box: imported without its side effects, run over our own pinned links, never unpickling.

MPyC as it comes reads sys.argv when imported, configures the root logger, opens plain sockets or TLS under a common CA,
and exchanges some messages as pickles. Here it gets a runtime that we build, asyncio transports that are channels of
`mpc.mesh`, and a `pickle` that refuses.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import math
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

from mpc import words, words_messages
from psi.transport.wire import MAX_FRAME_BYTES

STATISTICAL_BITS = 40  # a comparison's masked opening is within 2^-40 of uniform
_MAX_PRSS_KEYS = 500
_CHUNK = MAX_FRAME_BYTES // 2
_MAX_HELD = 64 << 20  # bytes, and messages, from one peer that nobody has asked for yet
_MODULES = ("sectypes", "asyncoro", "mpctools", "seclists", "secpols", "secgroups", "random", "statistics")


def load() -> Any:
    """The module `mpyc.runtime`. Raises UsageError when MPyC is not installed."""
    if "mpyc.runtime" in sys.modules:
        return sys.modules["mpyc.runtime"]
    with _without_side_effects():
        try:
            runtime: Any = importlib.import_module("mpyc.runtime")
        except ImportError:
            raise words.no_mpyc() from None
    runtime.pickle = SimpleNamespace(dumps=_refuse, loads=_refuse)
    return runtime


def prime(bits: int) -> int:
    """The modulus for values of `bits` bits with sign: the largest Blum prime below 2^(bits + 42), so that MPyC's
    comparisons have room for their mask. Shares are uniform modulo it."""
    import gmpy2

    candidate = gmpy2.prev_prime(gmpy2.mpz(1) << (bits + STATISTICAL_BITS + 2))
    while candidate % 4 != 3:
        candidate = gmpy2.prev_prime(candidate)
    return int(candidate)


class BridgeLink:
    """An asyncio transport for one peer, as far as MPyC uses one. Writes of one turn of the loop leave as one frame."""

    def __init__(self, loop: asyncio.AbstractEventLoop, send: Callable[[bytes], None]) -> None:
        self._loop, self._send = loop, send
        self._pending: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Queue bytes."""
        if not self._pending:
            self._loop.call_soon(self._flush)
        self._pending.append(data)

    def writelines(self, parts: Iterable[bytes]) -> None:
        """Queue several."""
        for part in parts:
            self.write(part)

    def close(self) -> None:
        """The mesh closes links."""

    def _flush(self) -> None:
        data = b"".join(self._pending)
        self._pending = []
        for at in range(0, len(data), _CHUNK):
            self._send(data[at : at + _CHUNK])


class Bridge:
    """One party's MPyC runtime in a loop of its own. `runtime` is MPyC's; use it only inside `loop`.

    send: peer index, bytes. One at a time in a process, since MPyC keeps its runtime in module globals.
    """

    def __init__(self, index: int, parties: int, send: Callable[[int, bytes], None]) -> None:
        module = load()
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        threshold = (parties - 1) // 2
        options = module.mpyc._get_arg_parser().parse_args([])
        options.no_log = True
        options.threshold = threshold
        options.sec_param = STATISTICAL_BITS
        options.no_prss = math.comb(parties, threshold) > _MAX_PRSS_KEYS
        options.no_async = False
        options.mix32_64bit = True  # no pickles
        self.runtime = module.Runtime(index, [module.Party(i) for i in range(parties)], options)
        self.loop.set_exception_handler(self._broken)
        for name in _MODULES:
            getattr(module.mpyc, name).runtime = self.runtime
        self.failure: BaseException | None = None
        self._exchangers: dict[int, Any] = {}
        self._greeted: set[int] = set()
        ready = self.loop.create_future()
        for party in self.runtime.parties:
            party.protocol = ready if party.pid == index else None
        self.ready = ready
        for peer in range(parties):
            if peer != index:
                link = BridgeLink(self.loop, lambda data, peer=peer: send(peer, data))  # type: ignore[misc]
                # In MPyC the lower of two parties is the client: it speaks first, with its index and PRSS keys.
                made = module.asyncoro.MessageExchanger(self.runtime, peer if index < peer else None)
                self._exchangers[peer] = made
                made.connection_made(link)
                if index < peer:
                    self._greeted.add(peer)

    def deliver(self, peer: int, data: bytes) -> None:
        """Bytes from a peer, in the loop's thread. Raises RemoteError for what MPyC cannot take."""
        exchanger = self._exchangers[peer]
        if peer not in self._greeted:
            # The peer names itself first; the link already says who it is.
            if int.from_bytes((bytes(exchanger.bytes) + data)[:2], "little") != peer:
                raise words_messages.other_party()
            if len(exchanger.bytes) + len(data) >= 2:
                self._greeted.add(peer)
        try:
            exchanger.data_received(data)
        except Exception:  # noqa: BLE001 - MPyC's parser raises whatever it stumbles over; it is the peer's doing
            raise words_messages.unreadable_for_mpyc() from None
        if len(exchanger.bytes) > _MAX_HELD or len(exchanger.buffers) > _MAX_HELD // 64:
            raise words_messages.too_much_for_mpyc()

    def close(self) -> None:
        """Drop what is left of the loop."""
        self.runtime.prfs.cache_clear()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.set_exception_handler(lambda *_: None)
        for _ in range(2):  # tasks hear that they are cancelled; what is still queued may stop the loop as well
            self.loop.stop()
            self.loop.run_forever()
        asyncio.set_event_loop(None)
        self.loop.close()

    def _broken(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.failure = context.get("exception") or RuntimeError(context.get("message", "MPyC failed"))
        self.loop.stop()


@contextlib.contextmanager
def _without_side_effects() -> Iterator[None]:
    """While MPyC is imported: its own command line, and everything global put back afterwards."""
    root = logging.getLogger()
    handlers, level, argv = root.handlers[:], root.level, sys.argv
    sys.argv = [argv[0] if argv else "psiselect", "--no-log", "--no-uvloop"]
    settings = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("MPYC_")}
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        asyncio.set_event_loop(None)
        loop.close()
        sys.argv = argv
        for name in [n for n in os.environ if n.startswith("MPYC_")]:
            del os.environ[name]
        os.environ.update(settings)
        root.handlers[:], root.level = handlers, level


def _refuse(*_: object) -> Any:
    raise words_messages.pickle()
