"""What people read from this room: every error about one session of one party."""

from __future__ import annotations

from psiselect.base.errors import RemoteError, UsageError


def no_value_column() -> UsageError:
    return UsageError(
        "--reveal sum adds up values of your list. Name the column of these values with --value", term="value"
    )


def no_rows_learnt() -> UsageError:
    return UsageError("this side did not learn which rows match, so the result has no rows")


def not_signed() -> RemoteError:
    return RemoteError(
        "one part of this program rejected a signature that another part of it had made. This is a bug in psiselect. "
        "Please report it"
    )
