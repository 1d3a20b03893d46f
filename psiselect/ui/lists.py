"""A table that a form has sent: its columns, its first rows, and how its file is read."""

from __future__ import annotations

import contextlib
import itertools
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from psi.inputs.advice import propose
from psi.tables import Source, distinct_names
from psi.tables.reading import SPREADSHEETS, Kind, ReadingOptions
from psi.tables.source import batches_of
from psiselect.base.errors import PsiselectError
from psiselect.tables import Table
from psiselect.ui.forms import Sent
from psiselect.ui.told import told
from psiselect.ui.uploads import Upload

DELIMITERS = ("comma", "semicolon", "tab", "pipe")
ENCODINGS = ("cp1252", "iso-8859-2", "utf-16")
_ROWS = 5  # that are shown
_HEAD = 1000  # that are looked at
_CELL = 60  # characters that are shown of it
_TEXTS = (Kind.CSV.value, Kind.TSV.value)


@dataclass(frozen=True)
class FileForm:
    """How a file is read, as the person has chosen. Empty texts: not chosen."""

    delimiter: str = ""
    encoding: str = ""
    header: str = ""
    sheet: str = ""

    @classmethod
    def of(cls, sent: Sent) -> FileForm:
        """From the fields of a form."""
        return cls(
            sent.one_of("delimiter", "", *DELIMITERS),
            sent.one_of("encoding", "", *ENCODINGS),
            sent.one_of("header", "", "yes", "no"),
            sent.text("sheet")[:100],
        )

    def fitting(self, form: str) -> dict[str, Any]:
        """What is said of a file of this kind, as `psiselect.release` and `psiselect.match` take it."""
        text, sheets = form in _TEXTS, Kind(form) in SPREADSHEETS
        said: dict[str, Any] = {"format": form}
        if self.delimiter and text:
            said["delimiter"] = self.delimiter
        if self.encoding and (text or form == Kind.TXT.value):
            said["encoding"] = self.encoding
        if self.header and (text or sheets):
            said["header"] = self.header == "yes"
        if self.sheet and sheets:
            said["sheet"] = self.sheet
        return said


def options_of(said: dict[str, Any]) -> list[str]:
    """The same as options of a command, but for the kind, which the file's own name shows there."""
    words = []
    for name, value in said.items():
        if name == "header":
            words.append("--header" if value else "--no-header")
        elif name != "format":
            words += [f"--{name}", str(value)]
    return words


def command_line(words: Sequence[str]) -> str:
    """What a shell takes for these words; a file whose name begins with a minus sign is no option."""
    return shlex.join(words)


def file_word(upload: Upload) -> str:
    """The file as a word of a command."""
    return f"./{upload.called}" if upload.called.startswith("-") else upload.called


def is_text(upload: Upload) -> bool:
    """Whether a file holds text, by its ending."""
    return upload.form in (*_TEXTS, Kind.TXT.value)


class GivenList:
    """One table.

    Attributes:
        upload: its file.
        columns: their names; none while the file cannot be read, and then `problem` says why.
        preview: the first rows, as text.
    """

    def __init__(self, upload: Upload) -> None:
        self.upload = upload
        self.form = FileForm()
        self.columns: tuple[str, ...] = ()
        self.preview: list[list[str]] = []
        self.problem: str | None = None
        self.read(self.form)

    def read(self, form: FileForm) -> None:
        """Read the beginning in this way."""
        self.form, self.columns, self.preview, self.problem = form, (), [], None
        try:
            table = self.table()
            source = table.open()
            self.columns = tuple(source.schema.names)
            self.preview = first_rows(source, self.is_text)
        except PsiselectError as error:
            self.problem = told(error)

    def proposed(self, *rules: str) -> tuple[str, str] | None:
        """The column that looks like a key under the first of these rules that any column fits, and this rule; None
        where no column fits, or several do."""
        try:
            table = self.table()
            head = _head(table.open(), self.is_text)
        except PsiselectError:  # whoever reads on says what is wrong
            return None
        found = [] if self.problem else propose(head)
        for rule in rules:
            fitting = [each for each in found if each[1] == rule]
            if fitting:
                return fitting[0] if len(fitting) == 1 else None
        return None

    def table(self) -> Table:
        """The table, not open yet."""
        return Table(self.upload.path, None, ReadingOptions.of(**self._reading()))

    @property
    def said(self) -> dict[str, Any]:
        """How it is read, as keyword arguments."""
        return self.form.fitting(self.upload.form)

    @property
    def is_sheet(self) -> bool:
        """Whether it is a spreadsheet."""
        return Kind(self.upload.form) in SPREADSHEETS

    @property
    def is_text(self) -> bool:
        """Whether it is a file of text."""
        return is_text(self.upload)

    def close(self) -> None:
        """Let the file go."""
        self.upload.close()

    def _reading(self) -> dict[str, Any]:
        said = self.said
        return {"form" if name == "format" else name: value for name, value in said.items()}


def first_rows(source: Source, is_text: bool) -> list[list[str]]:
    """The first rows of a table as text, to be shown. is_text: whether it is a file of text. Raises InputError."""
    head = _head(source, is_text)
    return [[_text(column[row]) for column in head] for row in range(min(len(head), _ROWS))]


def _head(source: Source, is_text: bool) -> pa.RecordBatch:
    """The first rows. Text is read row by row: batches would be read ahead, up to the whole of a large file."""
    if is_text:
        distinct_names(source.schema.names, source.name)
        rows = itertools.islice(source.rows(), _HEAD)
        return next(batches_of(rows, source.schema.names, source, blank=len(source.schema) == 1), _no_rows(source))
    return next((batch for batch in source.batches() if len(batch)), _no_rows(source))


def _no_rows(source: Source) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=source.schema)


def _text(cell: Any) -> str:
    value: object = None
    with contextlib.suppress(ValueError, pa.ArrowException):
        value = cell.as_py()
    text = "" if value is None else str(value)
    return text if len(text) <= _CELL else f"{text[: _CELL - 1]}…"


class Counted:
    """A source that says after each batch how many rows it has handed out."""

    def __init__(self, source: Source, said: Callable[[int], None]) -> None:
        self._source, self._said = source, said
        self._rows = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """See `psi.tables.Source`."""
        for batch in self._source.batches(columns):
            yield batch
            self._rows += batch.num_rows
            self._said(self._rows)
