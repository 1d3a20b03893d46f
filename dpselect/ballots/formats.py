"""Which format a file of ballots has, by its content, and the one way to read those that are text of their own.

Ballots in tables (CSV among them) come from a reader of tables; see `tabular`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from dpselect.ballots import abcvoting, belenios, blt, pabulib, preflib, words
from dpselect.ballots.model import MAX_BYTES, CandidateList, Reading, Rules, placed
from psiselect.base.errors import InputError
from psiselect.base.linewise import Stream, without_mark
from psiselect.base.words import cannot_read

HEAD = 1 << 16  # bytes that recognition looks at
_PREFLIB = re.compile(r"^#\s*(FILE NAME|DATA TYPE|NUMBER ALTERNATIVES|ALTERNATIVE NAME 1)\s*:", re.MULTILINE)
# The first line that is no remark is one of the keys.
_YAML = re.compile(
    r"(?:[ \t]*(?:#[^\n]*)?\r?\n|---[ \t]*\r?\n)*(?:num_cand|profile|committeesize|compute|description)\s*:"
)
# The lines that a PrefLib file begins with.
_REMARKS = re.compile(r"(?:[ \t]*\r?\n|#[^\n]*(?:\n|\Z))*")
_PABULIB = re.compile(r"\s*META\s*;*\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Format:
    """A format: how to tell it from the beginning of a file, and its reader."""

    fits: Callable[[str], bool]
    read: Callable[[Stream, Rules], Reading]


def _document(read: Callable[[str, Rules], Reading]) -> Callable[[Stream, Rules], Reading]:
    """A reader of a file that is one document: it is held as a whole, and all of it must be well formed. The others
    read line by line, and a line that breaks a rule is one invalid ballot."""
    return lambda stream, rules: read(_decode(_whole(stream())), rules)


def _preflib(kind: str) -> Callable[[str], bool]:
    return lambda head: bool(_PREFLIB.search(head)) and preflib.data_type(head) == kind


# In the order in which they are tried.
_FORMATS: dict[str, Format] = {
    "pb": Format(lambda head: bool(_PABULIB.match(head)), pabulib.read),
    "cat": Format(_preflib("cat"), preflib.read_cat),
    "toc": Format(_preflib("toc"), preflib.read_toc),
    "toi": Format(_preflib("toi"), preflib.read_toi),
    "belenios": Format(belenios.recognised, _document(belenios.read)),
    "abc.yaml": Format(lambda head: bool(_YAML.match(head)), _document(abcvoting.read)),
    "blt": Format(lambda head: False, blt.read),  # begins like a table of numbers
}
_PREFLIBS = ("cat", "toc", "toi")
TABLE = "csv"  # has no mark of its own: what is no other format
FORMATS = (*_FORMATS, TABLE)


def recognise(head: bytes, name: str = "ballots") -> str:
    """The name of a file's format; `TABLE` where it is none of the others.

    Args:
        head: the first `HEAD` bytes of the file, which decide.
        name: the file's name. One that ends in .blt decides, too.

    Raises:
        InputError: the file is of PrefLib, and holds no approvals or does not say so.
    """
    text = head.decode("utf-8-sig", errors="replace")
    remarks = _REMARKS.match(text)
    header = remarks[0] if remarks else ""
    if name.lower().endswith(".blt"):
        return "blt"
    if _PREFLIB.search(header) and preflib.data_type(header) not in _FORMATS:
        raise words.unknown_data_type(name)
    return next((form for form, known in _FORMATS.items() if known.fits(header if form in _PREFLIBS else text)), TABLE)


def parse(data: bytes, rules: Rules | None = None, *, form: str, name: str = "ballots") -> Reading:
    """Read ballots of a format that is no table; see `read_stream`."""
    return read_stream(lambda: iter([data]), rules or Rules(), form=form, name=name)


def read_stream(stream: Stream, rules: Rules, *, form: str, name: str) -> Reading:
    """Read ballots of a format that is no table.

    Args:
        stream: gives the file's bytes from the beginning, each time it is called.
        rules: what the caller decides about reading.
        form: the name of the format.
        name: what errors call the file.

    Raises:
        InputError: the bytes are malformed, whatever they are. It always names the line.
        UsageError: the format is unknown, or the rules do not fit it.
    """
    known = _FORMATS.get(form)
    if known is None:
        raise words.unknown_format(form, _FORMATS)
    require_no_columns(rules, form)
    try:
        return known.read(without_mark(stream), rules)
    except InputError as error:
        raise placed(name, error) from None


def require_no_columns(rules: Rules, form: str) -> None:
    """Raise UsageError for rules about columns and cells that this format does not have."""
    given = {
        "--ballot-column": rules.ballot_column is not None,
        "--separator": rules.separator is not None,
        "--yes": bool(rules.yes),
        "--no": bool(rules.no),
        "--other": rules.other.value != "refuse",
        "--voter-column": rules.voter_column is not None and form != "pb",
        "--repeated-voter": rules.repeated is not None and form != "pb",
        "--approve-category": bool(rules.approve) and form not in ("cat", "toc", "toi"),
    }
    wrong = next((option for option, is_given in given.items() if is_given), None)
    if wrong is not None:
        raise words.not_for_format(wrong, form)


def parse_candidates(data: bytes, name: str = "candidates") -> tuple[str, ...]:
    """Names, one a line; blank lines are passed over. Raises InputError with its line."""
    try:
        listed = CandidateList()
        for line, text in enumerate(_decode(data).split("\n"), 1):
            if text.strip():
                listed.add(text, line)
        return listed.done(Rules(), 1)
    except InputError as error:
        raise placed(name, error) from None


def load_candidates(path: Path) -> tuple[str, ...]:
    """Read a file of candidates. Raises InputError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise cannot_read(path, error.strerror) from None
    return parse_candidates(data, str(path))


def _whole(blocks: Iterable[bytes]) -> bytes:
    """All bytes, or as many as show that there are too many."""
    found, size = [], 0
    for block in blocks:
        found.append(block)
        size += len(block)
        if size > MAX_BYTES:
            break
    return b"".join(found)


def _decode(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise words.too_large(MAX_BYTES)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise words.not_utf8(line) from None
