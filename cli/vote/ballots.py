"""Ballots as the `vote` commands read them: a file of any format, or a table in a database."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cli._reading import TABLE_FORMATS
from cli._table import Table
from dpselect import ballots
from dpselect.ballots import OnInvalid, Reading, Rules
from psi.tables import TableFile, is_columnar, open_file, row_table
from psi.tables.folder import TableFolder
from psi.tables.reading import SPREADSHEETS, Kind, ReadingOptions, kind_by_ending
from psi.tables.unpacking import UnpackedFile
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
    if not table.in_database and table.query is None:
        return read_file(table.file_in(), rules, form, table.reading)
    if form is not None and form != ballots.TABLE:
        raise UsageError(f"--format {form} is for files; a database returns a table", term="form")
    return ballots.read(row_table(table.open()), rules)


def read_file(file: TableFile, rules: Rules, form: str | None = None, reading: ReadingOptions | None = None) -> Reading:
    """Read ballots from a file, in a format told by its content or forced. Raises InputError, UsageError."""
    reading = reading or ReadingOptions()
    if form in TABLE_FORMATS:
        reading = replace(reading, form=Kind(form))
    elif form is None and (is_columnar(file) or kind_by_ending(file.name) in SPREADSHEETS):
        form = ballots.TABLE
    text = file if isinstance(file, TableFolder) else UnpackedFile(file, reading.encoding)
    form = form or ballots.recognise(text.head(ballots.HEAD), file.name)
    if form in TABLE_FORMATS:
        return ballots.read(row_table(open_file(file, ".csv", reading)), rules)
    replace(reading, encoding=None).require_fit(file.name, None, f"in the format {form}")
    return ballots.parse(text.head(ballots.MAX_BYTES + 1), rules, form=form, name=file.name)
