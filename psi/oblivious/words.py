"""What people read from this room: every error. An honest peer causes none of them."""

from __future__ import annotations

from psiselect.base.errors import RemoteError
from psiselect.base.words import breaks_protocol


def block_length(found: int, expected: int) -> RemoteError:
    return breaks_protocol(f"the peer sent a block of oblivious transfers of {found:,} bytes; expected {expected:,}")


def ended_too_early() -> RemoteError:
    return breaks_protocol("the peer ended its oblivious transfers too early, or its last block has a wrong length")


def answer_length(found: int, expected: int) -> RemoteError:
    return breaks_protocol(
        f"the peer's answer to the check of the oblivious transfers has {found:,} bytes; expected {expected:,}"
    )


def check_failed() -> RemoteError:
    return breaks_protocol("the peer's oblivious transfers do not pass the check of their consistency")
