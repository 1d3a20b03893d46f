"""What people read of tables that a program holds in its memory: every error.

Rule: no cell comes in here.
"""

from __future__ import annotations

from psiselect.base.errors import InputError, UsageError

_HELD = (
    "Give a path, an address, or a pandas, polars or pyarrow table. Any other object must have the method "
    "__arrow_c_stream__, or be an iterable of Arrow record batches"
)


def not_a_table(name: str, kind: type, more: str) -> UsageError:
    return UsageError(f"{name} is of type {kind.__name__}, which is not a table. {_HELD}{more}", term="table")


COLUMNS_AS_LISTS = ". For columns as lists use pyarrow.table(...)"
ROWS_AS_DICTIONARIES = ". For rows as dictionaries use pyarrow.Table.from_pylist(rows)"
COLLECT = ". Call .collect() first"


def no_batch(name: str) -> UsageError:
    return UsageError(
        f"{name} has no record batch, so its columns are unknown. Give at least one batch, which may be empty",
        term="table",
    )


def not_batches(name: str, kind: type, more: str) -> UsageError:
    return UsageError(
        f"{name} yields values of the type {kind.__name__}, but must yield Arrow record batches{more}", term="table"
    )


def mixed_types(name: str, column: object) -> InputError:
    return InputError(
        f"{name}: column {column!r} has values of several types. Leave the column out, or make it text with "
        f"frame[{column!r}].astype('str')",
        term="table",
    )


def not_for_arrow(name: str) -> InputError:
    return InputError(f"{name}: Arrow cannot represent this table. Leave out columns of unusual types", term="table")


def no_table_in_arrow(name: str) -> UsageError:
    return UsageError(
        f"{name} must be a table, but this Arrow data is something else, such as a single column. {_HELD}", term="table"
    )


def stream_broke(name: str) -> InputError:
    return InputError(
        f"{name}: the program could not read all rows. Create the table again, and call the function again",
        term="table",
    )


def batches_apart(name: str) -> InputError:
    return InputError(
        f"{name}: the record batches have different columns. Give all batches the same columns", term="table"
    )
