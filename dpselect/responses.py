"""Poll responses in tables, one row per respondent, so that files of many respondents can be put together safely.

A full row carries what it answers (poll, epsilon, mechanism, options) and a random token. Rows that answer something
else are refused, and so is a token that comes twice: a file that was copied or a respondent who was counted already.
The token is drawn anew for each response and names nobody. A table may also hold bare responses, with or without
the header `response`; then nothing can be checked but their form.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field

from dpselect import words_numbers
from dpselect.local_dp import Poll
from dpselect.privacy import parse_poll_epsilon
from psiselect.base.entropy import Entropy
from psiselect.base.errors import PsiselectError
from psiselect.base.rows import Fault, RowTable

COLUMNS = ("poll", "epsilon", "mechanism", "options", "token", "response")
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
    """Responses of one poll from any number of tables."""

    poll: Poll
    responses: list[str] = field(default_factory=list)
    name: str | None = None
    _tokens: dict[str, str] = field(default_factory=dict)

    def add(self, table: RowTable) -> None:
        """Take a table's rows, all or (with InputError, naming table and row) none of use. Blank rows are skipped."""
        columns = [name.strip() for name in table.header]
        if "response" not in columns:
            if len(columns) != 1 or not table.header_line:
                raise table.error(table.header_line, words_numbers.NO_RESPONSE_COLUMN)
            self._take({"response": columns[0]}, table, table.header_line)
            columns = ["response"]
        elif len(set(columns)) != len(columns) or not set(columns) <= set(COLUMNS):
            raise table.error(table.header_line, words_numbers.columns(COLUMNS))
        for found in table.rows:
            if isinstance(found, Fault):
                raise table.error(*found)
            cells = [cell.strip() for cell in found.cells]
            if any(cells):
                self._take(dict(zip(columns, cells, strict=True)), table, found.line)

    def _take(self, cells: dict[str, str], table: RowTable, line: int) -> None:
        self._check_terms(cells, table, line)
        token = cells.get("token")
        if token is not None:
            if not _TOKEN.fullmatch(token):
                raise table.error(line, words_numbers.THIRTY_TWO_DIGITS)
            if token in self._tokens:
                raise table.error(line, words_numbers.read_before(self._tokens[token]))
            self._tokens[token] = f"{table.name}, {table.place(line)}"
        response = cells["response"].strip()
        if not self.poll.accepts(response):
            raise table.error(line, words_numbers.response_form(self.poll.form))
        self.responses.append(response)

    def _check_terms(self, cells: dict[str, str], table: RowTable, line: int) -> None:
        if "poll" in cells:
            if self.name is None:
                self.name = cells["poll"]
            if cells["poll"] != self.name:
                raise table.error(line, words_numbers.OTHER_POLL)
        if "epsilon" in cells:
            try:
                epsilon = parse_poll_epsilon(cells["epsilon"])
            except PsiselectError:
                raise table.error(line, words_numbers.NO_EPSILON) from None
            if (epsilon.value, epsilon.ratio) != (self.poll.epsilon.value, self.poll.epsilon.ratio):
                raise table.error(line, words_numbers.other_epsilon(epsilon.text, self.poll.epsilon.text))
        expected = {"mechanism": self.poll.mechanism.value, "options": ";".join(self.poll.options)}
        for column, value in expected.items():
            if cells.get(column, value) != value:
                raise table.error(line, words_numbers.other_terms(column, value[:80]))
