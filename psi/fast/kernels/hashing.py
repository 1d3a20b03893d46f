"""How compiled code computes SHA-256, and which way this processor is fit for."""

from __future__ import annotations

from psi.group.curve25519.lanes.target import processor_has

LANES = "lanes"  # messages side by side in vectors
SHA = "sha"  # one message at a time, by the SHA instructions of x86
SHA_GENERIC = "sha-generic"  # the same by ordinary operations, for tests

SHA_FEATURE = "sha"  # what LLVM calls the instructions
_SHA_FLAG = "sha_ni"  # what Linux calls them


def ways() -> tuple[str, ...]:
    """The ways that run on this processor, the fastest first."""
    return (SHA, LANES) if processor_has(_SHA_FLAG, SHA_FEATURE) else (LANES,)
