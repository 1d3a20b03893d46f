"""How a set of kernels is chosen."""

from __future__ import annotations

import warnings

from psi.fast.kernels.interface import Kernels
from psi.fast.kernels.portable import PortableKernels
from psi.group.curve25519.lanes.cache import CodeCache
from psiselect.base.errors import UsageError


def compiled_kernels(lanes: int | None = None, store: CodeCache | None = None) -> Kernels:
    """The compiled ones, once they have passed their self-test.

    Raises ImportError, OSError or RuntimeError (LanesUnavailableError) where they cannot run or fail it.
    """
    from psi.fast.kernels.compiled import CompiledKernels
    from psi.fast.kernels.selftest import failures
    from psi.group.curve25519.lanes.target import LanesUnavailableError

    kernels = CompiledKernels(lanes, store)
    failed = failures(kernels)
    if failed:
        raise LanesUnavailableError(f"the self-test of the fast protocol failed in {', '.join(failed)}")
    return kernels


def load_kernels(name: str = "auto") -> Kernels:
    """The kernels called `compiled` or `portable`, or the fastest that work here (`auto`), with a RuntimeWarning where
    these are the portable ones.

    Raises UsageError for an unknown name, and for `compiled` where they do not work.
    """
    if name == "portable":
        return PortableKernels()
    if name not in ("auto", "compiled"):
        raise UsageError(f"no kernels are called {name!r}; there are auto, compiled and portable")
    try:
        return compiled_kernels()
    except (ImportError, OSError, RuntimeError) as error:
        if name == "compiled":
            raise UsageError(f"the compiled code does not work here: {error}; choose 'portable'") from error
        warnings.warn(
            f"the compiled code of the fast protocol does not work here: {error}; using the portable code, tens of "
            "times slower: --protocol ecdh may be faster",
            RuntimeWarning,
            stacklevel=2,
        )
        return PortableKernels()
