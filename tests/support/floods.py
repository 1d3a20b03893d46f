"""Peers that flood below the record layer, with TLS 1.3 records of their own making.

`ssl` does the handshake, and cannot send a KeyUpdate after it. So the key log gives the traffic secret (RFC 8446, 7.1
and 7.2), and the records are sealed here, from sequence number 0: `ssl` has sent none after its handshake.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from psi.identity.identity import Identity, PeerIdentity
from support import rawtls

ALERT, HANDSHAKE, DATA = 21, 22, 23
_HASH = hashlib.sha384  # of TLS_AES_256_GCM_SHA384, which OpenSSL prefers
_KEY_UPDATE = b"\x18\0\0\x01"
_TICKET = b"\x04\0\0\x15" + bytes(8) + b"\x02\0\0" + b"\0\x06ticket" + b"\0\0"
_CLIENT_HELLO = b"\x01\0\0\x29\x03\x03" + bytes(32) + b"\0" + b"\0\x02\x13\x02" + b"\x01\0"


def _expand(secret: bytes, label: str, length: int) -> bytes:
    """HKDF-Expand-Label (RFC 8446, 7.1) with an empty context, of at most one block."""
    name = b"tls13 " + label.encode()
    info = length.to_bytes(2, "big") + bytes((len(name),)) + name + b"\0"
    return hmac.digest(secret, info + b"\x01", _HASH)[:length]


class Sealer:
    """Makes records under a traffic secret, from the first on."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._restart()

    def _restart(self) -> None:
        self._aead = AESGCM(_expand(self._secret, "key", 32))
        self._iv = int.from_bytes(_expand(self._secret, "iv", 12), "big")
        self._number = 0

    def record(self, kind: int, content: bytes) -> bytes:
        """One record. kind: what it says inside to be."""
        inner = content + bytes((kind,))
        header = b"\x17\x03\x03" + (len(inner) + 16).to_bytes(2, "big")
        nonce = (self._iv ^ self._number).to_bytes(12, "big")
        self._number += 1
        return header + self._aead.encrypt(nonce, inner, header)

    def key_update(self, *, asks: bool = False) -> bytes:
        """A KeyUpdate; the records that follow are under the next secret. asks: for one of the other end's as well."""
        made = self.record(HANDSHAKE, _KEY_UPDATE + bytes((asks,)))
        self._secret = _expand(self._secret, "traffic upd", len(self._secret))
        self._restart()
        return made

    def key_updates_asked(self) -> bytes:
        """A KeyUpdate that asks for one."""
        return self.key_update(asks=True)

    def data(self, content: bytes = b"") -> bytes:
        """Application data; by default a record without any."""
        return self.record(DATA, content)

    def warning(self) -> bytes:
        """An alert of level warning: user_canceled, the one that TLS 1.3 still knows."""
        return self.record(ALERT, b"\x01\x5a")

    def ticket(self) -> bytes:
        """A NewSessionTicket, which a server sends."""
        return self.record(HANDSHAKE, _TICKET)

    def hello(self) -> bytes:
        """A ClientHello in the middle: an attempt to negotiate anew."""
        return self.record(HANDSHAKE, _CLIENT_HELLO)


Make = Callable[[Sealer], bytes]
KINDS: dict[str, Make] = {
    "KeyUpdate": Sealer.key_update,
    "KeyUpdate, asking for one": Sealer.key_updates_asked,
    "no data": Sealer.data,
    "warnings": Sealer.warning,
    "tickets": Sealer.ticket,
    "ClientHello": Sealer.hello,
}


class Flooder:
    """A peer after its handshake. sock: the socket below TLS. sent: bytes that `send` has written to it."""

    def __init__(self, tls: ssl.SSLSocket, log: Path, label: str) -> None:
        self.sealer = Sealer(_secret(log, label))
        self.sock = socket.socket(fileno=tls.detach())
        self.sent = 0

    def send(self, data: bytes) -> None:
        """Raises OSError once the other end has closed."""
        self.sock.sendall(data)
        self.sent += len(data)

    def flood(self, make: Make, most: int = 1 << 25) -> None:
        """Send records until the other end closes, at most so many bytes."""
        with contextlib.suppress(OSError):
            while self.sent < most:
                self.send(b"".join(make(self.sealer) for _ in range(100)))

    @contextlib.contextmanager
    def flooding(self, make: Make) -> Iterator[Flooder]:
        """In a thread, as long as the block lasts."""
        thread = threading.Thread(target=self.flood, args=(make,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.close()
            thread.join(30)
            assert not thread.is_alive()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


def _secret(log: Path, label: str) -> bytes:
    for line in log.read_text().splitlines():
        if line.startswith(label + " "):
            return bytes.fromhex(line.split()[2])
    raise AssertionError(f"{label} is not in the key log")


def client(address: str, server: PeerIdentity, identity: Identity) -> Flooder:
    """A pinned peer that has connected."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "keys"
        return Flooder(rawtls.client(address, server, identity, key_log=log), log, "CLIENT_TRAFFIC_SECRET_0")


@contextlib.contextmanager
def server(identity: Identity, peer: PeerIdentity) -> Iterator[tuple[str, Callable[[], Flooder]]]:
    """A pinned listener: its address, and what waits until somebody has connected."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "keys"
        with rawtls.server(identity, peer, key_log=log) as (address, accepted):

            def connected() -> Flooder:
                deadline = time.monotonic() + 20
                while not accepted:
                    assert time.monotonic() < deadline
                    time.sleep(0.001)
                return Flooder(accepted.pop(), log, "SERVER_TRAFFIC_SECRET_0")

            yield address, connected
