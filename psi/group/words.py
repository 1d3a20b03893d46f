"""What people read from this room: every error, why vector code is not used, and lines of the log."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from psiselect.base.errors import LocalError, RemoteError, UsageError
from psiselect.base.words import breaks_protocol


def not_canonical(element: int) -> RemoteError:
    return breaks_protocol(f"encrypted key {element} of the peer is invalid: it is not below 2^255 - 19")


def low_order(element: int) -> RemoteError:
    return breaks_protocol(f"encrypted key {element} of the peer is invalid: it has low order, so it stands for no key")


# Backends.


def unknown_backend(name: str, names: Iterable[str]) -> UsageError:
    return UsageError(f"--backend must be one of auto, {', '.join(names)}, but is {name!r}")


def no_vector_code(why: object) -> UsageError:
    return UsageError(f"the fast code (lanes) does not work on this machine ({why}). Use --backend portable")


def other_vector_code(best: str, why: object, other: str) -> str:
    return (
        f"the fast code for {best} does not work on this machine ({why}). The program uses the code for {other}, "
        "which is slower"
    )


def portable_instead(why: object) -> str:
    return (
        f"the fast code (lanes) does not work on this machine ({why}). The program uses the portable code, which is "
        "several times slower"
    )


def worker_ended() -> LocalError:
    return LocalError(
        "a process that this program had started for its calculations ended early. Check whether somebody ended that "
        "process, or whether memory ran out. Then start again"
    )


# Why vector code does not work: parts of sentences.

NOT_EXECUTABLE = "memory cannot be made executable"
NO_EXECUTABLE_MEMORY = (
    "this process may not make memory executable (MemoryDenyWriteExecute=yes in a systemd unit forbids it, and so do "
    "some seccomp and SELinux rules)"
)


def self_test(failed: Iterable[str]) -> str:
    return f"the self-test failed in {', '.join(failed)}"


def no_feature(feature: str) -> str:
    return f"the compiler LLVM does not find {feature} on this processor"


def no_vector_unit(machine: str, processor: str) -> str:
    return f"this processor has no vector unit with fused multiply-add ({machine}, {processor})"


# The log.

CACHE_DAMAGED = "a file of compiled code in the cache is damaged; the program compiles it again"


def cache_not_used(folder: Path | None) -> str:
    return (
        f"the program does not use its cache of compiled code in '{folder}': another user owns this folder or a file "
        "in it, or can write to the folder"
    )
