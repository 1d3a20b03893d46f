"""Which format a file of ballots has, by its content, and the one way to read those that are text of their own.

Ballots in tables (CSV among them) come from a reader of tables; see `tabular`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dpselect.ballots import abcvoting, pabulib, preflib
from dpselect.ballots.model import MAX_BYTES, CandidateList, Reading, Rules, fault
from psiselect.base.errors import InputError, UsageError

HEAD = 1 << 16  # bytes that recognition looks at
_PREFLIB = re.compile(r"^#\s*(FILE NAME|DATA TYPE|NUMBER ALTERNATIVES|ALTERNATIVE NAME 1)\s*:", re.MULTILINE)
_YAML = re.compile(r"^(num_cand|profile)\s*:", re.MULTILINE)
_PABULIB = re.compile(r"\s*META\s*;*\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Format:
    """A format: its reader, and how to tell it from the beginning of a file."""

    read: Callable[[str, Rules], Reading]
    fits: Callable[[str], bool]


def _preflib(kind: str) -> Callable[[str], bool]:
    return lambda head: bool(_PREFLIB.search(head)) and preflib.data_type(head) == kind


# In the order in which they are tried.
_FORMATS: dict[str, Format] = {
    "pb": Format(pabulib.read, lambda head: bool(_PABULIB.match(head))),
    "cat": Format(preflib.read_cat, _preflib("cat")),
    "toc": Format(preflib.read_toc, _preflib("toc")),
    "toi": Format(preflib.read_toi, _preflib("toi")),
    "abc.yaml": Format(abcvoting.read, lambda head: bool(_YAML.search(head))),
}
TABLE = "csv"  # has no mark of its own: what is no other format
FORMATS = (*_FORMATS, TABLE)


def recognise(head: bytes, name: str = "ballots") -> str:
    """The name of the format, by the first `HEAD` bytes of a file; `TABLE` where it is none of these.

    Raises InputError on a PrefLib file that holds no approvals, or does not say.
    """
    text = head.decode("utf-8-sig", errors="replace")
    if _PREFLIB.search(text) and preflib.data_type(text) not in _FORMATS:
        problem = "a PrefLib file whose DATA TYPE is not cat, toc or toi; if it is one, say which by --format"
        raise InputError(f"{name}, line 1: {problem}", line=1)
    return next((form for form, known in _FORMATS.items() if known.fits(text)), TABLE)


def parse(data: bytes, rules: Rules | None = None, *, form: str, name: str = "ballots") -> Reading:
    """Read ballots of a format that is no table; `name` is what errors call the source.

    Raises InputError, always with its line, for whatever bytes it is given; UsageError for a format that is unknown.
    """
    if form not in _FORMATS:
        raise UsageError(f"unknown format {form!r}; choose from {', '.join(_FORMATS)}")
    try:
        return _FORMATS[form].read(_decode(data), rules or Rules())
    except InputError as error:
        raise _placed(name, error) from None


def parse_candidates(data: bytes, name: str = "candidates") -> tuple[str, ...]:
    """Names, one a line; blank lines are passed over. Raises InputError with its line."""
    try:
        listed = CandidateList()
        for line, text in enumerate(_decode(data).split("\n"), 1):
            if text.strip():
                listed.add(text, line)
        return listed.done(Rules(), 1)
    except InputError as error:
        raise _placed(name, error) from None


def load_candidates(path: Path) -> tuple[str, ...]:
    """Read a file of candidates. Raises InputError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    return parse_candidates(data, str(path))


def _placed(name: str, error: InputError) -> InputError:
    line = max(error.line or 1, 1)
    return InputError(f"{name}, line {line}: {error}", line=line)


def _decode(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise fault(1, f"larger than {MAX_BYTES >> 20} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise fault(line, "not UTF-8; save the file as UTF-8 text") from None
