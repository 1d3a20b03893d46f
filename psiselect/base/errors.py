"""Every error that `psi` (and `mpc`, which shares its transport) raises on purpose.

    PsiError
    +-- LocalError            this side is at fault, or decided
    |   +-- UsageError        the call or the options make no sense
    |   +-- InputError        a file, row, column or field could not be read as promised
    |   +-- PolicyError       own policy, budget or --min-matches says no
    +-- RemoteError           the peer broke the protocol, refused, or its terms differ
    +-- TransportError        the link failed: handshake, stall, death

The tree is split by whose fault it is, because that is what the caller acts on. Nothing a peer sends can raise
anything but RemoteError; nothing a network does can raise anything but TransportError. Messages never hold an
identifier, a key or a count that the other side may not see in a log.
"""

from __future__ import annotations


class PsiError(Exception):
    """Root of the tree. `term` names the session term or field at issue, where there is one."""

    def __init__(self, message: str, *, term: str | None = None) -> None:
        super().__init__(message)
        self.term = term


class LocalError(PsiError):
    """This side is at fault, or decided not to go on."""


class UsageError(LocalError):
    """The call or the command's options make no sense together."""


class InputError(LocalError):
    """A file, row, column or field is missing or malformed."""


class PolicyError(LocalError):
    """Own policy, privacy budget or agreed minimum forbids the run or its result."""


class MinimumError(PolicyError):
    """The side that compares found fewer matches than was agreed."""


class RemoteError(PsiError):
    """The peer broke the protocol, refused by its own policy, or holds other terms."""


class TransportError(PsiError):
    """The link to the peer failed: no handshake, a deadline passed, or it closed early."""
