"""The kernels that go with a backend of the group, loaded once in a process."""

from __future__ import annotations

import functools
import threading

from psi.fast.kernels.interface import Kernels
from psi.fast.kernels.loading import load_kernels
from psi.group.curve25519.backend import PORTABLE

_LOADING = threading.Lock()


def kernels_beside(backend: str) -> Kernels:
    """Compiled ones where the group's code is compiled too (in whichever field), else portable ones: both need the same
    of a machine. With a RuntimeWarning where compiled ones do not work. Safe in several threads."""
    with _LOADING:
        return _loaded("portable" if backend == PORTABLE else "auto")


@functools.cache
def _loaded(name: str) -> Kernels:
    return load_kernels(name)
