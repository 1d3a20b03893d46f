"""How a set of kernels is chosen."""

from __future__ import annotations

import warnings

from psi.fast import words
from psi.fast.kernels import hashing
from psi.fast.kernels.interface import Kernels
from psi.fast.kernels.portable import PortableKernels
from psi.group.curve25519.lanes.cache import CodeCache


def compiled_kernels(lanes: int | None = None, store: CodeCache | None = None) -> Kernels:
    """The compiled ones, once they have passed their self-test. Those that hash by the processor's SHA instructions
    give way to others, with a RuntimeWarning, if they fail it.

    Raises ImportError, OSError or RuntimeError (LanesUnavailableError) where none can run or pass it.
    """
    from psi.fast.kernels.compiled import CompiledKernels
    from psi.fast.kernels.selftest import failures
    from psi.group.curve25519.lanes.target import LanesUnavailableError

    def tested(way: str) -> Kernels:
        kernels = CompiledKernels(lanes, store, way)
        failed = failures(kernels)
        if failed:
            raise LanesUnavailableError(words.self_test(failed))
        return kernels

    best, *others = hashing.ways()
    try:
        return tested(best)
    except RuntimeError as error:
        if not others:
            raise
        kernels = tested(others[0])
        warnings.warn(words.without_sha(error), RuntimeWarning, stacklevel=2)
        return kernels


def load_kernels(name: str = "auto") -> Kernels:
    """The kernels called `compiled` or `portable`, or the fastest that work here (`auto`), with a RuntimeWarning where
    these are the portable ones.

    Raises UsageError for an unknown name, and for `compiled` where they do not work.
    """
    if name == "portable":
        return PortableKernels()
    if name not in ("auto", "compiled"):
        raise words.unknown_kernels(name)
    try:
        return compiled_kernels()
    except (ImportError, OSError, RuntimeError) as error:
        if name == "compiled":
            raise words.not_compiled(error) from error
        warnings.warn(words.portable_instead(error), RuntimeWarning, stacklevel=2)
        return PortableKernels()
