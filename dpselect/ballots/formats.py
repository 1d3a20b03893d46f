"""Which format a file of ballots has, by its content, and the one way to read any of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dpselect.ballots import abcvoting, pabulib, preflib, tabular
from dpselect.ballots.model import MAX_BYTES, CandidateList, OnInvalid, Reading, Rules, fault
from psiselect.base.errors import InputError, UsageError

_HEAD = 1 << 16  # characters that recognition looks at
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


# In the order in which they are tried; CSV has no mark of its own and comes last.
FORMATS: dict[str, Format] = {
    "pb": Format(pabulib.read, lambda head: bool(_PABULIB.match(head))),
    "cat": Format(preflib.read_cat, _preflib("cat")),
    "toc": Format(preflib.read_toc, _preflib("toc")),
    "toi": Format(preflib.read_toi, _preflib("toi")),
    "abc.yaml": Format(abcvoting.read, lambda head: bool(_YAML.search(head))),
    "csv": Format(tabular.read, lambda head: True),
}


def recognise(text: str) -> str:
    """The name of the format. Raises InputError on a PrefLib file that holds no approvals, or does not say."""
    head = text[:_HEAD]
    if _PREFLIB.search(head) and preflib.data_type(head) not in FORMATS:
        raise fault(1, "a PrefLib file whose DATA TYPE is not cat, toc or toi; if it is one, say which by --format")
    return next(name for name, form in FORMATS.items() if form.fits(head))


def parse(data: bytes, rules: Rules | None = None, *, form: str | None = None, name: str = "ballots") -> Reading:
    """Read ballots. `form` forces a format; `name` is what errors call the source.

    Raises InputError, always with its line, for whatever bytes it is given; UsageError for a format that is unknown.
    """
    if form is not None and form not in FORMATS:
        raise UsageError(f"unknown format {form!r}; choose from {', '.join(FORMATS)}")
    try:
        text = _decode(data)
        return FORMATS[form or recognise(text)].read(text, rules or Rules())
    except InputError as error:
        raise InputError(f"{name}, line {error.line}: {error}", line=error.line) from None


def load(
    path: Path,
    *,
    candidates: Path | None = None,
    on_invalid: OnInvalid = OnInvalid.ERROR,
    form: str | None = None,
) -> Reading:
    """Read a file of ballots, and a file of candidates (one a line) where given. Raises as `parse` does."""
    listed = None if candidates is None else load_candidates(candidates)
    return parse(_bytes(path), Rules(listed, on_invalid), form=form, name=str(path))


def parse_candidates(data: bytes, name: str = "candidates") -> tuple[str, ...]:
    """Names, one a line; blank lines are passed over. Raises InputError with its line."""
    try:
        listed = CandidateList()
        for line, text in enumerate(_decode(data).split("\n"), 1):
            if text.strip():
                listed.add(text, line)
        return listed.done(Rules(), 1)
    except InputError as error:
        raise InputError(f"{name}, line {error.line}: {error}", line=error.line) from None


def load_candidates(path: Path) -> tuple[str, ...]:
    """Read a file of candidates. Raises InputError."""
    return parse_candidates(_bytes(path), str(path))


def _decode(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise fault(1, f"larger than {MAX_BYTES >> 20} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise fault(line, "not UTF-8; save the file as UTF-8 text") from None


def _bytes(path: Path) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
