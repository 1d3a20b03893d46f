"""What each command reads: docs/tables.md shows it as a table, and tests/cli/test_read_by.py tries every cell."""

from __future__ import annotations

COMMANDS = ("psi", "vote", "release", "select", "poll estimate", "mpc --values")
YES, LINES, NO = "yes", "one value per line", "no"

_ALL = (YES,) * len(COMMANDS)
_GUESSED = (NO, YES, YES, YES, YES, LINES)

# What a table is in, and what each command makes of it.
READ_BY: dict[str, tuple[str, ...]] = {
    ".csv": _ALL,
    ".tsv, .tab": _ALL,
    ".txt": (LINES, YES, YES, YES, YES, LINES),
    ".csv.gz": _ALL,
    ".csv.zst": _ALL,
    ".csv.bz2": _ALL,
    ".parquet, .parq, .pq": _ALL,
    "folder of Parquet files": _ALL,
    ".arrow, .feather": _ALL,
    ".xlsx, .xlsm": _ALL,
    ".xls": _ALL,
    ".ods": _ALL,
    "sqlite:///FILE and --query": _ALL,
    "postgresql://... and --query": _ALL,
    "s3://, gs://, abfs://: a file": _ALL,
    "s3://, gs://, abfs://: a folder of Parquet files": _ALL,
    "https:// file": _ALL,
    "standard input: Parquet, Arrow or a spreadsheet": _ALL,
    "standard input: text": (NO, YES, YES, YES, YES, LINES),
    "standard input and --format csv": _ALL,
    "a text file with another ending, such as .dat": _GUESSED,
    "a text file with another ending, and --format csv": _ALL,
    "a pipe in place of a file, such as <(ssh example.com cat list.csv)": _GUESSED,
}


def markdown() -> str:
    """The table, for docs/tables.md."""
    lines = [f"| table | {' | '.join(COMMANDS)} |", "| --- |" + " --- |" * len(COMMANDS)]
    lines += [f"| {kind} | {' | '.join(cells)} |" for kind, cells in READ_BY.items()]
    return "\n".join(lines)
