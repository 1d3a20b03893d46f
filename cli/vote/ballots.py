"""Ballots as the `vote` commands read them: a file of any format, or a table in a database."""

from __future__ import annotations

from pathlib import Path

from cli._table import Table
from dpselect import ballots
from dpselect.ballots import OnInvalid, Reading, Rules
from psi.tables import TableFile, is_columnar, open_file, row_table
from psiselect.base.errors import UsageError


def load(
    table: Table,
    *,
    candidates: Path | None = None,
    on_invalid: OnInvalid = OnInvalid.ERROR,
    form: str | None = None,
) -> Reading:
    """Read ballots, and a file of candidates (one a line) where given. `form` forces a format.

    Raises InputError with the place of what is wrong, UsageError for options that do not go together.
    """
    rules = Rules(None if candidates is None else ballots.load_candidates(candidates), on_invalid)
    if isinstance(table.where, Path) and table.query is None:
        return read_file(TableFile(table.where, copied=True), rules, form)
    if form not in (None, ballots.TABLE):
        raise UsageError(f"--format {form} is for files; a database returns a table", term="form")
    return ballots.read(row_table(table.open()), rules)


def read_file(file: TableFile, rules: Rules, form: str | None = None) -> Reading:
    """Read ballots from a file, in a format told by its content or forced. Raises InputError."""
    if form is None:
        form = ballots.TABLE if is_columnar(file) else ballots.recognise(file.head(ballots.HEAD), file.name)
    if form == ballots.TABLE:
        return ballots.read(row_table(open_file(file, ".csv")), rules)
    return ballots.parse(file.head(ballots.MAX_BYTES + 1), rules, form=form, name=file.name)
