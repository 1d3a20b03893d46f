"""Clients that mean no good: strangers, half a handshake, a byte now and then, garbage, and a pinned peer gone bad."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Self

from psi.identity.identity import Identity, PeerIdentity
from support import rawtls

_HELLO_START = bytes.fromhex("16030100c8010000c40303") + bytes(200)  # a ClientHello that never makes sense
_HUGE = b"\xff\xff\xff\xff\x03"  # a frame of 4 GiB
_DRIP_SECONDS = 0.05


class Background:
    """Threads that run for as long as a `with` block and end within a minute of it."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()


class Horde(Background):
    """Opens connections of every kind, in a thread for each that rests `pause` seconds in between, and keeps the last
    `held` of each open."""

    def __init__(self, address: str, server: PeerIdentity, bad: Identity, *, held: int, pause: float) -> None:
        super().__init__()
        self._pause = pause
        self._address = address
        self._server = server
        self._bad = bad
        self._counts: dict[str, int] = {}
        self._changed = threading.Condition()
        kinds = (
            self.silent,
            self.half_a_hello,
            self.garbage,
            self.hangs_up,
            self.no_certificate,
            self.huge_frame,
            self.stalls,
        )
        self._threads = [threading.Thread(target=self._repeat, args=(kind, held), daemon=True) for kind in kinds]
        self._threads += [threading.Thread(target=self._drip, args=(held, bad), daemon=True) for bad in (None, bad)]

    @property
    def connections(self) -> int:
        return sum(self._counts.values())

    def wait(self, each: int, total: int = 0) -> None:
        """Until every kind has made `each` connections, and all together `total`."""

        def enough() -> bool:
            made = list(self._counts.values())
            return len(made) == len(self._threads) and min(made) >= each and sum(made) >= total

        with self._changed:
            assert self._changed.wait_for(enough, 120), self._counts

    def _count(self, name: str) -> None:
        with self._changed:
            self._counts[name] = self._counts.get(name, 0) + 1
            self._changed.notify_all()

    def _repeat(self, kind: Callable[[], socket.socket], held: int) -> None:
        kept: deque[socket.socket] = deque()
        while not self._over.is_set():
            with contextlib.suppress(OSError):
                kept.append(kind())
            self._count(kind.__name__)
            while len(kept) > held:
                kept.popleft().close()
            time.sleep(self._pause)  # the horde must not be all that this machine does
        for sock in kept:
            sock.close()

    def _drip(self, held: int, bad: Identity | None) -> None:
        """Slow writers: a byte each, now and then; strangers in their handshake, or a peer in its first frame."""
        kept: deque[tuple[socket.socket, itertools.cycle[int]]] = deque()
        while not self._over.is_set():
            with contextlib.suppress(OSError):
                sock = self._tls(bad) if bad else rawtls.dial(self._address)
                sock.setblocking(False)
                kept.append((sock, itertools.cycle(b"\0\0\x02\0\x01{" if bad else _HELLO_START)))
            self._count(f"drip {bad is not None}")
            for sock, text in list(kept):
                with contextlib.suppress(OSError):
                    sock.send(bytes((next(text),)))
            while len(kept) > held:
                kept.popleft()[0].close()
            time.sleep(_DRIP_SECONDS)
        for sock, _ in kept:
            sock.close()

    def _tls(self, identity: Identity | None) -> ssl.SSLSocket:
        return rawtls.client(self._address, self._server, identity)

    def silent(self) -> socket.socket:
        return rawtls.dial(self._address)

    def half_a_hello(self) -> socket.socket:
        sock = rawtls.dial(self._address)
        sock.sendall(_HELLO_START[:30])
        return sock

    def garbage(self) -> socket.socket:
        sock = rawtls.dial(self._address)
        sock.sendall(os.urandom(4096))
        return sock

    def hangs_up(self) -> socket.socket:
        sock = rawtls.dial(self._address)
        sock.close()
        return sock

    def no_certificate(self) -> socket.socket:
        return self._tls(None)

    def huge_frame(self) -> socket.socket:
        sock = self._tls(self._bad)
        sock.sendall(_HUGE + bytes(100))
        return sock

    def stalls(self) -> socket.socket:
        return self._tls(self._bad)
