"""How a table is to be read: what a user may say about it, and the kinds of tables by name, ending and content."""

from __future__ import annotations

import codecs
import enum
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

from psi.tables import words
from psiselect.base.splitting import Escape


class Kind(enum.Enum):
    """A kind of table in a file, by the name that `--format` has for it."""

    CSV = "csv"
    TSV = "tsv"
    TXT = "txt"
    PARQUET = "parquet"
    ARROW = "arrow"
    XLSX = "xlsx"
    XLS = "xls"
    ODS = "ods"


TEXT_TABLES = frozenset((Kind.CSV, Kind.TSV))
SPREADSHEETS = frozenset((Kind.XLSX, Kind.XLS, Kind.ODS))

# By ending, in lower case.
ENDINGS = {
    ".csv": Kind.CSV,
    ".tsv": Kind.TSV,
    ".tab": Kind.TSV,
    ".txt": Kind.TXT,
    ".parquet": Kind.PARQUET,
    ".parq": Kind.PARQUET,
    ".pq": Kind.PARQUET,
    ".arrow": Kind.ARROW,
    ".feather": Kind.ARROW,
    ".xlsx": Kind.XLSX,
    ".xlsm": Kind.XLSX,
    ".xls": Kind.XLS,
    ".ods": Kind.ODS,
}
# Text files may be packed; the ending before this one then says what they are.
PACKED_ENDINGS = (".gz", ".zst", ".bz2")

# How a file of that kind begins. The byte after PAR1 is binary: the text could begin the header of a CSV file.
_CONTENTS: tuple[tuple[re.Pattern[bytes], Kind], ...] = (
    (re.compile(rb"PAR1[\x00-\x08\x0e-\x1f]"), Kind.PARQUET),
    (re.compile(rb"ARROW1\0\0"), Kind.ARROW),
    (re.compile(rb"PK\x03\x04"), Kind.XLSX),
    (re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), Kind.XLS),
)
CONTENT_BYTES = 8

_NAMED_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " ", r"\t": "\t"}
_HEX = re.compile(r"\\x([0-9a-fA-F]{2})")
# They are text to Python, but no way to store a table.
_NOT_FOR_FILES = frozenset(("idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"))
_UTF8 = "utf-8"
MAX_HEADER_LINES = 9


@dataclass(frozen=True)
class ReadingOptions:
    """What is said about a table; None where nothing is, and the file itself decides.

    delimiter: one ASCII character. encoding: Python's name of it, None for UTF-8. escape: see
    `psiselect.base.splitting`. header: whether the first line names the columns. header_lines: how many rows name them
    together; the lowest name counts. sheet: of a spreadsheet, by name or by number from 1. form: the kind of file.
    shared: said of several tables; what does not concern the kind of one of them is passed over, else it is refused.
    any_names: take what looks like data for names; for those who look themselves.
    """

    delimiter: str | None = None
    encoding: str | None = None
    escape: Escape = Escape.UNKNOWN
    header: bool | None = None
    header_lines: int = 1
    sheet: str | None = None
    form: Kind | None = None
    shared: bool = False
    any_names: bool = False

    @property
    def names_certain(self) -> bool:
        """Whether the first row is not looked at for data."""
        return self.header is True or self.any_names

    @classmethod
    def of(
        cls,
        *,
        delimiter: str | None = None,
        encoding: str | None = None,
        csv_escape: str | None = None,
        header: bool | None = None,
        header_lines: int | None = None,
        sheet: str | None = None,
        form: str | None = None,
    ) -> Self:
        """What the options of a command say. Raises UsageError."""
        if header_lines is not None and not 1 <= header_lines <= MAX_HEADER_LINES:
            raise words.header_lines_out_of_range(header_lines, MAX_HEADER_LINES)
        if header is False and header_lines is not None:
            raise words.header_lines_without_header()
        return cls(
            delimiter=None if delimiter is None else _delimiter(delimiter),
            encoding=None if encoding is None else _encoding(encoding),
            escape=Escape.UNKNOWN if csv_escape is None else Escape(csv_escape),
            header=header,
            header_lines=header_lines or 1,
            sheet=sheet,
            form=None if form is None else Kind(form),
        )

    def require_fit(self, name: str, kind: Kind | None, what: str) -> None:
        """Raise UsageError for what makes no sense for this kind of table; None for one that is in no file."""
        if self.shared:
            return
        delimited, text = kind in TEXT_TABLES, kind in TEXT_TABLES or kind is Kind.TXT
        fits = {
            "delimiter": delimited,
            "encoding": text,
            "escape": delimited,
            "header": delimited or kind in SPREADSHEETS,
            "header_lines": delimited or kind in SPREADSHEETS,
            "sheet": kind in SPREADSHEETS,
            "form": kind is not None,
        }
        options = {"escape": "csv-escape", "form": "format", "header": "no-header", "header_lines": "header-lines"}
        for item in fields(self):
            if getattr(self, item.name) != item.default and not fits.get(item.name, True):
                option = options.get(item.name, item.name)
                raise words.option_says_nothing(option, name, what, item.name)


def kind_by_ending(name: str) -> Kind | None:
    """What the ending of a file's name says; an ending for packed files is left out first."""
    path = Path(name)
    if path.suffix.lower() in PACKED_ENDINGS:
        path = path.with_suffix("")
    return ENDINGS.get(path.suffix.lower())


def kind_by_content(head: bytes) -> Kind | None:
    """What the first `CONTENT_BYTES` bytes say: XLSX for all zip files, None for text."""
    return next((kind for begins, kind in _CONTENTS if begins.match(head)), None)


def _delimiter(text: str) -> str:
    found = _HEX.fullmatch(text)
    character = _NAMED_DELIMITERS.get(text.lower(), chr(int(found[1], 16)) if found else text)
    if len(character) != 1 or not character.isascii() or character.isalnum() or character in '"\\\r\n\0':
        raise words.no_delimiter()
    return character


def _encoding(text: str) -> str | None:
    try:
        found = codecs.lookup(text)
    except (LookupError, ValueError):
        raise words.unknown_encoding(text) from None
    name = found.name.replace("_", "-")
    if not found._is_text_encoding or name in _NOT_FOR_FILES:
        raise words.not_an_encoding_of_text(text)
    return None if name in (_UTF8, "utf-8-sig") else name
