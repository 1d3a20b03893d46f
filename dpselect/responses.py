"""Poll responses as CSV, one row a respondent, so that files of many respondents can be put together safely.

A full row carries what it answers (poll, epsilon, mechanism, options) and a random token. Rows that answer something
else are refused, and so is a token that comes twice: a file that was copied or a respondent who was counted already.
The token is drawn anew for each response and names nobody. A file may also hold bare responses, with or without the
header `response`; then nothing can be checked but their form.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from dpselect.local_dp import Poll
from dpselect.privacy import parse_poll_epsilon
from psiselect.base.entropy import Entropy
from psiselect.base.errors import InputError, PsiselectError

COLUMNS = ("poll", "epsilon", "mechanism", "options", "token", "response")
MAX_LINE = 1 << 20
_TOKEN = re.compile(r"[0-9a-f]{32}")


def row(poll: Poll, name: str, response: str, entropy: Entropy) -> str:
    """A file with one response: the header and its row."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    token = entropy.read(16).hex()
    writer.writerow((name, poll.epsilon.text, poll.mechanism.value, ";".join(poll.options), token, response))
    return out.getvalue()


@dataclass(slots=True)
class Collection:
    """Responses of one poll from any number of files."""

    poll: Poll
    responses: list[str] = field(default_factory=list)
    name: str | None = None
    _tokens: dict[str, str] = field(default_factory=dict)

    def add(self, lines: Iterable[str], source: str) -> None:
        """Take a file's rows, all or (with InputError, naming file and line) none of use."""
        rows = _rows(lines, source)
        first = next(rows, None)
        if first is None:
            raise InputError(f"{source} is empty: expected a response on each line")
        line, cells = first
        if "response" not in cells:
            columns = ["response"]
            self._take(dict(zip(columns, self._bare(cells, source, line), strict=True)), source, line)
        else:
            columns = cells
            unknown = [c for c in columns if c not in COLUMNS]
            if unknown or len(set(columns)) != len(columns):
                raise InputError(f"{source}, line {line}: the columns are any of {', '.join(COLUMNS)}", line=line)
        for line, cells in rows:
            if len(cells) != len(columns):
                raise InputError(
                    f"{source}, line {line}: expected {len(columns)} fields, found {len(cells)}", line=line
                )
            self._take(dict(zip(columns, cells, strict=True)), source, line)

    def _bare(self, cells: list[str], source: str, line: int) -> list[str]:
        if len(cells) != 1:
            raise InputError(f"{source}, line {line}: expected a header with a column 'response'", line=line)
        return cells

    def _take(self, cells: dict[str, str], source: str, line: int) -> None:
        where = f"{source}, line {line}"
        self._check_terms(cells, where, line)
        token = cells.get("token")
        if token is not None:
            if not _TOKEN.fullmatch(token):
                raise InputError(f"{where}: a token is 32 hexadecimal digits", line=line)
            if token in self._tokens:
                raise InputError(
                    f"{where}: the same response is in {self._tokens[token]} already; each counts once, remove one",
                    line=line,
                )
            self._tokens[token] = where
        response = cells["response"].strip()
        if not self.poll.accepts(response):
            raise InputError(f"{where}: the response is not {self.poll.form}", line=line)
        self.responses.append(response)

    def _check_terms(self, cells: dict[str, str], where: str, line: int) -> None:
        if "poll" in cells:
            if self.name is None:
                self.name = cells["poll"]
            if cells["poll"] != self.name:
                raise InputError(f"{where}: this answers another poll than the rows before it", line=line)
        if "epsilon" in cells:
            try:
                epsilon = parse_poll_epsilon(cells["epsilon"])
            except PsiselectError:
                raise InputError(f"{where}: epsilon is not a number like 0.5 or ln(3)", line=line) from None
            if (epsilon.value, epsilon.ratio) != (self.poll.epsilon.value, self.poll.epsilon.ratio):
                raise InputError(
                    f"{where}: answered with epsilon {epsilon.text}, not {self.poll.epsilon.text}", line=line
                )
        expected = {"mechanism": self.poll.mechanism.value, "options": ";".join(self.poll.options)}
        for column, value in expected.items():
            if cells.get(column, value) != value:
                raise InputError(f"{where}: {column} is not {value[:80]!r} as asked for", line=line)


def _rows(lines: Iterable[str], source: str) -> Iterator[tuple[int, list[str]]]:
    """Non-blank rows with their line numbers."""
    reader = csv.reader(_capped(lines, source), strict=True)
    try:
        for cells in reader:
            if any(c.strip() for c in cells):
                yield reader.line_num, [c.strip() for c in cells]
    except csv.Error as error:
        raise InputError(f"{source}, line {reader.line_num}: {error}", line=reader.line_num) from None
    except UnicodeDecodeError:
        raise InputError(f"{source}, line {reader.line_num + 1}: not UTF-8 text", line=reader.line_num + 1) from None


def _capped(lines: Iterable[str], source: str) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE or "\0" in line:
            raise InputError(f"{source}, line {number}: too long, or not text", line=number)
        yield line
