"""One heap of the C library for all threads of a listener (decision 0304)."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

_ARENA_MAX = -8  # of mallopt(3)


def share(environment: Mapping[str, str]) -> bool:
    """Have threads that start from now on use the heaps that exist already, as a rule one. Call it before they start.

    A listener has a new thread for each session. glibc gives threads up to eight heaps per processor. Each keeps what
    its largest session left, in pieces that the others cannot use.

    Returns False, and changes nothing, where the C library is another one, or where the environment already says how
    many heaps there are.
    """
    if "MALLOC_ARENA_MAX" in environment or "arena_max" in environment.get("GLIBC_TUNABLES", ""):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_ARENA_MAX, 1) == 1
