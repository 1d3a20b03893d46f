"""What people read from this room: every error about columns that travel with a match."""

from __future__ import annotations

from psiselect.base.errors import InputError, RemoteError


def too_long(name: str, row: int, needed: int, width: int, others: int, longest: int, most: int) -> InputError:
    """others: more keys that are too long. longest: bytes of the longest. most: bytes that sides can agree on."""
    too_long_too = "key has values that are" if others == 1 else "keys have values that are"
    more = f" {others:,} more {too_long_too} too long; the longest take {longest:,} bytes." if others else ""
    remedy = (
        f"Agree with the peer on --label-bytes {longest} or more. Otherwise send"
        if longest <= most
        else f"No --label-bytes above {most:,} is possible. Leave out rows that repeat a key, send"
    )
    return InputError(
        f"{name}: for row {row} and the rows with the same key, the columns to send take {needed:,} bytes, but "
        f"--label-bytes allows only {width:,}.{more} {remedy} fewer columns, or shorten the values",
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
        "(technical detail: the columns that they sent for a matched row cannot be read)"
    )
