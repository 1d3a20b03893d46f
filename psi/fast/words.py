"""What people read from this room: every error and warning of the fast protocol."""

from __future__ import annotations

from collections.abc import Iterable

from psiselect.base.errors import RemoteError, UsageError
from psiselect.base.words import breaks_protocol

_CURVES = "use --protocol ecdh on both sides"


# Lists that are too long.


def too_long(own: int, most: int) -> UsageError:
    return UsageError(
        f"your list has {own:,} distinct keys, but the fast protocol allows at most {most:,}. Shorten the list, "
        f"or {_CURVES}",
        term="protocol",
    )


def peer_too_long(keys: int, most: int) -> RemoteError:
    return RemoteError(
        f"the peer's list has {keys:,} distinct keys, but the fast protocol allows at most {most:,}. Use --protocol "
        "ecdh on both sides",
        term="protocol",
    )


def too_little_memory(own: int, needed: int, limit: int) -> UsageError:
    """needed, limit: in MiB."""
    return UsageError(
        f"the fast protocol keeps a list of {own:,} distinct keys in memory. That takes {needed:,} MiB, but "
        f"--memory-limit allows only {limit:,} MiB. If this machine has the memory, raise --memory-limit. Otherwise "
        f"{_CURVES}",
        term="memory_limit",
    )


# What the peer sends.


def length(what: str, found: int, expected: int) -> RemoteError:
    return breaks_protocol(f"the peer's {what} has {found:,} bytes; expected {expected:,}")


SEEDS, TREES, ATTEMPT = "answer with seeds", "set of trees", "number of attempts"
SLICE, END_OF_MATRIX, CHUNK = "slice of the matrix", "end of the matrix", "chunk of tags"


def too_many_tags() -> RemoteError:
    return breaks_protocol("the peer sent more encrypted values (tags) than it announced keys")


def too_few_tags() -> RemoteError:
    return breaks_protocol("the peer sent fewer encrypted values (tags) than it announced keys")


def tags_unordered() -> RemoteError:
    return breaks_protocol("the peer's encrypted values (tags) are not in ascending order")


def too_many_slices() -> RemoteError:
    return breaks_protocol("the peer's matrix has more slices than its number of keys needs")


def too_few_slices() -> RemoteError:
    return breaks_protocol("the peer's matrix has fewer slices than its number of keys needs")


def too_many_attempts(attempts: int, most: int) -> RemoteError:
    return breaks_protocol(f"the peer reports {attempts} attempts to make its matrix; expected at most {most}")


# Compiled code.


def unknown_kernels(name: str) -> UsageError:
    return UsageError(f"the argument of load_kernels() must be 'auto', 'compiled' or 'portable', but is {name!r}")


def not_compiled(why: object) -> UsageError:
    return UsageError(
        "the compiled code of the fast protocol does not work on this machine. Use --backend portable (technical "
        f"detail: {why})"
    )


def self_test(failed: Iterable[str]) -> str:
    return f"the self-test of the fast protocol failed in {', '.join(failed)}"


def without_sha(why: object) -> str:
    return (
        f"the code that uses the processor's SHA instructions does not work on this machine ({why}). The program uses "
        "the code without these instructions, which is slower"
    )


def portable_instead(why: object) -> str:
    return (
        f"the compiled code of the fast protocol does not work on this machine ({why}). The program uses the portable "
        "code, which is tens of times slower. --protocol ecdh may be faster"
    )
