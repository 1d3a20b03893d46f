"""Columns that travel with a match: sealed payloads of one width (docs/protocol.md, "Labels").

A payload is sealed under the label key of its item, `masking.derive(..., Derivation.LABEL, ...)`, which nobody but the
sender can compute without the item and an evaluation of it. A key seals one payload, once: it is bound to the session,
the run and the item.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from psi.labels import words
from psiselect.base.packed import U8

KEY_BYTES = 32
SEAL_BYTES = 16  # what sealing adds to a payload
_BLOCK = 4096  # opened at a time
_NONCE = bytes(12)  # the key is used once

Bools = npt.NDArray[np.bool_]


def seal(keys: U8, payloads: U8) -> U8:
    """Encrypt each payload under its key: (n, 32), (n, L) -> (n, L + 16), uint8.

    ChaCha20-Poly1305 (RFC 8439), nonce zero, no associated data. Constant-time in keys and payloads.
    """
    _check(keys, payloads)
    width = payloads.shape[1]
    plain = memoryview(payloads.tobytes())
    sealed = b"".join(
        ChaCha20Poly1305(key).encrypt(_NONCE, plain[row * width : (row + 1) * width], None)
        for row, key in enumerate(_each(keys))
    )
    return np.frombuffer(sealed, np.uint8).reshape(len(keys), width + SEAL_BYTES)


def unseal(keys: U8, sealed: U8) -> tuple[U8, Bools]:
    """Open each row under its key: (n, 32), (n, L + 16) -> payloads (n, L), uint8, and which rows opened, bool (n,).

    A row that does not open is a payload of zeros. Time depends on the number of rows, and slightly on which ones open.
    """
    _check(keys, sealed)
    if sealed.shape[1] < SEAL_BYTES:
        raise ValueError(f"a sealed row has at least {SEAL_BYTES} bytes, not {sealed.shape[1]}")
    width = sealed.shape[1] - SEAL_BYTES
    rows = memoryview(sealed.tobytes())
    nothing = bytes(width)
    opened: list[bytes] = []
    ok = np.ones(len(keys), np.bool_)
    for row, key in enumerate(_each(keys)):
        try:
            opened.append(
                ChaCha20Poly1305(key).decrypt(_NONCE, rows[row * sealed.shape[1] : (row + 1) * sealed.shape[1]], None)
            )
        except InvalidTag:
            opened.append(nothing)
            ok[row] = False
    return np.frombuffer(b"".join(opened), np.uint8).reshape(len(keys), width), ok


@dataclass(frozen=True, slots=True)
class SealedLabels:
    """What the peer sent along with matches, with the keys that open it: (n, 32) and (n, L + 16), uint8.

    To be opened when the session is over and not before: it takes time for each match, and a sender that spoils one
    label must not learn from what happens then that its item is a match.
    """

    keys: U8
    rows: U8

    def open(self) -> U8:
        """The payloads, (n, L). Raises RemoteError when one does not open: the sender cheated."""
        payloads = np.empty((len(self.rows), self.rows.shape[1] - SEAL_BYTES), np.uint8)
        for start in range(0, len(payloads), _BLOCK):
            some = slice(start, start + _BLOCK)
            payloads[some], ok = unseal(self.keys[some], self.rows[some])
            if not ok.all():
                raise words.not_opened()
        return payloads


def _each(keys: U8) -> list[bytes]:
    whole = keys.tobytes()
    return [whole[start : start + KEY_BYTES] for start in range(0, len(whole), KEY_BYTES)]


def _check(keys: U8, rows: U8) -> None:
    if keys.shape != (len(rows), KEY_BYTES) or rows.ndim != 2 or keys.dtype != np.uint8 or rows.dtype != np.uint8:
        raise ValueError(f"keys {keys.shape} {keys.dtype} and rows {rows.shape} {rows.dtype} do not fit each other")
