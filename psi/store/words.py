"""What people read from this room: every error about the working folder, and about columns of a peer."""

from __future__ import annotations

from pathlib import Path

from psiselect.base.errors import InputError, RemoteError

CUT_SHORT = "a file in it was cut short"
_PEER = "the peer's program does not follow the protocol"


def unusable_folder(folder: Path, reason: str | None) -> InputError:
    return InputError(
        f"the working folder {folder} cannot be used: {reason}; choose one that exists, can be written and has room",
        term="workdir",
    )


def tags_alike(count: int) -> RemoteError:
    return RemoteError(f"{count} of the peer's tags share their first bytes, which honest ones never do; {_PEER}")


def elements_repeat() -> RemoteError:
    return RemoteError(f"the peer's elements are far from uniform: it repeats some of them many times; {_PEER}")
