"""Every error that `dpselect` raises on purpose.

DpError
+-- UsageError    the call or the options make no sense (an epsilon of zero, an unknown mechanism)
+-- InputError    a score, ballot or file could not be read as promised; carries the line where there is one
+-- BudgetError   the ledger does not hold what the release would cost
"""

from __future__ import annotations


class DpError(Exception):
    """Root of the tree."""


class UsageError(DpError):
    """The call or the options make no sense."""


class InputError(DpError):
    """A score, ballot or file is malformed. `line` is 1-based, None when no line is at fault."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class BudgetError(DpError):
    """The ledger does not hold what the release would cost; nothing was released."""
