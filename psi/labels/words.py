"""What people read from this room: every error about columns that travel with a match."""

from __future__ import annotations

from psiselect.base.errors import InputError, RemoteError


def too_long(name: str, row: int, needed: int, width: int, others: int, longest: int, most: int) -> InputError:
    """others: more keys that are too long. longest: bytes of the longest. most: bytes that sides can agree on."""
    more = f" ({others:,} more keys are too long, the longest takes {longest:,})" if others else ""
    remedy = (
        f"agree with the peer on --label-bytes {longest} or more"
        if longest <= most
        else f"no more than {most:,} can be agreed on: leave out rows that repeat a key"
    )
    return InputError(
        f"{name}: the columns to send for row {row}, and for the rows with the same key, take {needed:,} "
        f"bytes, more than --label-bytes {width}{more}; {remedy}, send fewer columns or shorten the values",
        term="label_bytes",
    )


def not_opened() -> RemoteError:
    return RemoteError(
        "the other side sent data that does not follow the protocol. Ask them which program and version they run "
        "(technical detail: some of the columns that they sent cannot be decrypted, so this side uses none of them)"
    )


def malformed() -> RemoteError:
    return RemoteError(
        "the other side sent data that does not follow the protocol. Ask them which program and version they run "
        "(technical detail: their columns of a matched row cannot be read)"
    )
