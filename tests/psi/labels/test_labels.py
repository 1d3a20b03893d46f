"""Sealed payloads against another implementation of the AEAD, and what opens with which key."""

from __future__ import annotations

import numpy as np
import pytest
from Crypto.Cipher import ChaCha20_Poly1305

from psi.labels import labels
from psiselect.base.entropy import SystemEntropy


def random_rows(count: int, width: int) -> np.ndarray:
    return np.frombuffer(SystemEntropy().read(count * width), np.uint8).reshape(count, width)


@pytest.mark.parametrize("width", [0, 1, 64, 4096])
def test_sealing_is_rfc_8439_with_nonce_zero(width: int) -> None:
    keys, payloads = random_rows(20, 32), random_rows(20, width)
    sealed = labels.seal(keys, payloads)
    assert sealed.shape == (20, width + labels.SEAL_BYTES)
    for key, payload, row in zip(keys, payloads, sealed, strict=True):
        cipher = ChaCha20_Poly1305.new(key=key.tobytes(), nonce=bytes(12))
        body, tag = cipher.encrypt_and_digest(payload.tobytes())
        assert row.tobytes() == body + tag
    opened, ok = labels.unseal(keys, sealed)
    assert ok.all()
    assert np.array_equal(opened, payloads)


def test_what_does_not_open_is_told_by_position_and_reads_as_nothing() -> None:
    keys, payloads = random_rows(40, 32), random_rows(40, 64)
    sealed = labels.seal(keys, payloads).copy()
    changed = np.zeros(40, bool)
    changed[[0, 7, 39]] = True
    sealed[0, 0] ^= 1  # first bit of the payload
    sealed[7, 64] ^= 128  # in the tag
    sealed[39] = labels.seal(keys[:1], payloads[39:])[0]  # sealed under another key
    opened, ok = labels.unseal(keys, sealed)
    assert np.array_equal(ok, ~changed)
    assert not opened[changed].any()
    assert np.array_equal(opened[~changed], payloads[~changed])


def test_slices_are_sealed_like_copies() -> None:
    keys, payloads = random_rows(20, 64)[::2, :32], random_rows(10, 300)[:, 7:71]
    sealed = labels.seal(keys, payloads)
    assert np.array_equal(sealed, labels.seal(keys.copy(), payloads.copy()))
    wide = np.concatenate([random_rows(10, 5), sealed], axis=1)
    assert np.array_equal(labels.unseal(keys, wide[:, 5:])[0], payloads)


def test_no_rows_and_wrong_shapes() -> None:
    none = np.zeros((0, 32), np.uint8)
    assert labels.seal(none, np.zeros((0, 64), np.uint8)).shape == (0, 80)
    opened, ok = labels.unseal(none, np.zeros((0, 80), np.uint8))
    assert opened.shape == (0, 64)
    assert ok.shape == (0,)
    with pytest.raises(ValueError, match="do not fit"):
        labels.seal(random_rows(2, 32), random_rows(3, 64))
    with pytest.raises(ValueError, match="do not fit"):
        labels.seal(random_rows(2, 16), random_rows(2, 64))
    with pytest.raises(ValueError, match="at least 16"):
        labels.unseal(random_rows(2, 32), random_rows(2, 15))
