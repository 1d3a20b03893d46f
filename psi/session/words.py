"""What people read from this room: every error about one session of one party."""

from __future__ import annotations

from psiselect.base.errors import RemoteError, UsageError


def no_value_column() -> UsageError:
    return UsageError(
        "the result adds up values of this side's list. Name the column of the values with --value", term="value"
    )


def no_rows_learnt() -> UsageError:
    return UsageError("this side did not learn which rows match, so there are no rows")


def not_signed() -> RemoteError:
    return RemoteError("a signature is not valid: somebody has changed what was signed, or another party signed it")
