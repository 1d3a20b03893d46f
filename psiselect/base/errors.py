"""Every error that psiselect raises on purpose.

    PsiselectError
    +-- LocalError            this side is at fault, or decided
    |   +-- CancelError       the program that called said stop
    |   +-- UsageError        the call or the options make no sense
    |   +-- InputError        a file, row, column or field could not be read as promised
    |   |   +-- OutputError   a file or stream could not be written
    |   +-- ResourceError     the system grants no thread that the session needs, or an engine failed
    |   +-- PolicyError       own policy or the agreed minimum says no
    |       +-- MinimumError  the side that compares found too few matches
    |       +-- BudgetError   the ledger does not hold what the release would cost
    +-- RemoteError           the peer broke the protocol, refused, or its terms differ
    +-- TransportError        the link failed: handshake, stall, death

The tree is split by whose fault it is, because that is what the caller acts on. Nothing a peer sends can raise
anything but RemoteError; nothing a network does can raise anything but TransportError. Messages never hold an
identifier, a key or a count that the other side may not see in a log.

Each class has the exit code that commands end with, and a word for programs: `exit_code` and `kind`.
"""

from __future__ import annotations

from typing import ClassVar

EXIT_BUG = 1


class PsiselectError(Exception):
    """Root of the tree.

    Attributes:
        term: the session term or field at issue, where there is one.
        exit_code: what the command ends with on this error; see docs/architecture.md.
        kind: the same as a word, as `--json` has it.
        charged: whether a ledger has paid for what failed. It keeps the charge.
    """

    exit_code: ClassVar[int] = EXIT_BUG
    kind: ClassVar[str] = "bug"
    charged: bool = False

    def __init__(self, message: str, *, term: str | None = None) -> None:
        super().__init__(message)
        self.term = term


class LocalError(PsiselectError):
    """This side is at fault, or decided not to go on."""


class CancelError(LocalError):
    """The calling program cancelled the work; nothing is written and no result is given."""

    exit_code: ClassVar[int] = 130
    kind: ClassVar[str] = "cancelled"


class UsageError(LocalError):
    """The call or the command's options make no sense together."""

    exit_code: ClassVar[int] = 2
    kind: ClassVar[str] = "usage"


class InputError(LocalError):
    """A file, row, column or field is missing or malformed. `line` is 1-based, None when no line is at fault."""

    exit_code: ClassVar[int] = 3
    kind: ClassVar[str] = "input"

    def __init__(self, message: str, *, term: str | None = None, line: int | None = None) -> None:
        super().__init__(message, term=term)
        self.line = line


class ResourceError(LocalError):
    """The system grants this process no thread that the session needs, or an engine such as Spark failed; nothing is
    wrong with the data or the peer."""

    exit_code: ClassVar[int] = 5
    kind: ClassVar[str] = "resource"


class OutputError(InputError):
    """A file or stream could not be written: the disk is full, the folder is read-only, or the reader is gone. `fault`
    is the message without what to do, and `reason` is the system's. `result` is what a call has found all the same,
    None where that is nothing."""

    result: object | None = None

    def __init__(self, fault: str, remedy: str = "", *, term: str | None = None, reason: str | None = None) -> None:
        super().__init__(f"{fault}. {remedy}" if remedy else fault, term=term)
        self.fault = fault
        self.reason = reason or str(self)


class PolicyError(LocalError):
    """Own policy, privacy budget or agreed minimum forbids the session or its result."""

    exit_code: ClassVar[int] = 6
    kind: ClassVar[str] = "policy"


class MinimumError(PolicyError):
    """The side that compares found fewer matches than was agreed."""


class BudgetError(PolicyError):
    """The ledger does not hold what the release would cost; nothing was released."""

    exit_code: ClassVar[int] = 6
    kind: ClassVar[str] = "budget"


class RemoteError(PsiselectError):
    """The peer broke the protocol, refused by its own policy, or holds other terms."""

    exit_code: ClassVar[int] = 4
    kind: ClassVar[str] = "peer"


class TransportError(PsiselectError):
    """The link to the peer failed: no handshake, a deadline passed, or it closed early."""

    exit_code: ClassVar[int] = 5
    kind: ClassVar[str] = "transport"


def as_record(error: PsiselectError) -> dict[str, object]:
    """An error as `--json` reports it."""
    return {"code": error.exit_code, "kind": error.kind, "term": error.term, "message": str(error)}


def classify(error: BaseException) -> tuple[int, str]:
    """Exit code and kind of any error; one that is not of this tree is a bug."""
    return (error.exit_code, error.kind) if isinstance(error, PsiselectError) else (EXIT_BUG, "bug")
