"""The announcement of a draw: what voters may read, as a page of HTML or Markdown.

Rule: it holds what is on the draw's record and what its publisher says. It never sees ballots.
"""

from __future__ import annotations

import enum
import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import version

from dpselect.approval import epsilon_text, guarantee
from dpselect.privacy import NeighbouringRelation
from psiselect.elections import words_announcing as words
from psiselect.elections.draws import PastDraw

MARK = "<!-- an announcement by psiselect vote winner -->"
_MAX_QUESTION = 1000  # characters
# What has a meaning inside a line of Markdown; the dot makes a link of www.
_MARKDOWN = re.compile(r"[\\`*_\[\]<>&#~|:@]|(?<=www)\.|(?<=WWW)\.")


class Form(enum.Enum):
    """How an announcement is written."""

    HTML = "html"
    MARKDOWN = "md"


class Counted(enum.Enum):
    """What counts the draws from the same ballots."""

    RECORD = "record"
    LEDGER = "ledger"
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class Announcement:
    """What may be published of a draw.

    Attributes:
        draws: all draws from these ballots that are known, the announced one last; its winners are known.
        counted: what counts the draws.
        question: what the vote was about; see `check_question`.
    """

    draws: Sequence[PastDraw]
    counted: Counted
    question: str | None = None

    def __post_init__(self) -> None:
        check_question(self.question)

    def text(self, form: Form) -> str:
        """The page."""
        return self._html() if form is Form.HTML else self._markdown()

    @property
    def _heading(self) -> str:
        return (self.question or words.RESULT).strip()

    @property
    def _facts(self) -> list[tuple[str, str, bool]]:
        """Name, value, and whether the value is what the page is about."""
        made = self.draws[-1]
        names = [f"{name} ({made.titles[name]})" if name in made.titles else name for name in made.winners or ()]
        first = words.WINNER if len(names) == 1 else words.ELECTED
        return [
            (first, ", ".join(map(_printable, names)), True),
            (words.DATE, made.at, False),
            (words.SEATS, str(len(names)), False),
        ]

    def _sections(self) -> Iterator[tuple[str, str, list[str]]]:
        """Name for links, heading, paragraphs."""
        made, several = self.draws[-1], len(self.draws[-1].winners or ()) > 1
        promise = [guarantee(made.epsilon, made.neighbors, by_voter=made.by_voter)]
        if len(self.draws) > 1:
            promise.append(words.drawn_often(len(self.draws), self._together()))
        yield "promise", words.PROMISED, promise
        kept_back = words.COUNTS if made.neighbors is NeighbouringRelation.REPLACE else words.COUNTS_AND_VOTERS
        yield "computed", words.how_computed(several=several), words.computed(kept_back, several=several)
        yield (
            "check",
            words.HOW_TO_CHECK,
            [
                words.software(version("psiselect")),
                _CHECKS[self.counted],
                words.WHERE_TO_READ,
                words.setting(epsilon_text(made.epsilon), made.neighbors.value),
            ],
        )

    def _together(self) -> str:
        """The promise of all draws. Where they are of both relations, it is one of replace: to replace a ballot is to
        remove one and to add another."""
        relations = {draw.neighbors for draw in self.draws}
        mixed = len(relations) > 1
        relation = NeighbouringRelation.REPLACE if mixed else relations.pop()
        twice = {NeighbouringRelation.ADD_REMOVE: 2 if mixed else 1, NeighbouringRelation.REPLACE: 1}
        total = sum((draw.epsilon * twice[draw.neighbors] for draw in self.draws), Fraction(0))
        by_voter = all(draw.by_voter for draw in self.draws)
        return guarantee(total, relation, by_voter=by_voter, what=words.OTHER_DRAWS)

    def _html(self) -> str:
        title = html.escape(self._heading)
        facts = "\n".join(
            f"<dt>{html.escape(name)}</dt><dd{' class=main' if main else ''}><bdi>{html.escape(value)}</bdi></dd>"
            for name, value, main in self._facts
        )
        sections = "\n".join(
            f'<section aria-labelledby="{place}">\n<h2 id="{place}">{html.escape(heading)}</h2>\n'
            + "\n".join(f"<p>{html.escape(text)}</p>" for text in texts)
            + "\n</section>"
            for place, heading, texts in self._sections()
        )
        return _PAGE.format(mark=MARK, title=title, style=_STYLE, facts=facts, sections=sections)

    def _markdown(self) -> str:
        lines = [MARK, "", f"# {_in_markdown(self._heading)}", ""]
        for name, value, main in self._facts:
            lines.append(f"- {name}: **{_in_markdown(value)}**" if main else f"- {name}: {value}")
        for _, heading, texts in self._sections():
            lines += ["", f"## {heading}"]
            for text in texts:
                lines += ["", text]
        return "\n".join(lines) + "\n"


def check_question(question: str | None) -> None:
    """Raise UsageError for a question that cannot be shown."""
    if question is None or (question.strip() and len(question) <= _MAX_QUESTION and question.isprintable()):
        return
    raise words.not_a_question(_MAX_QUESTION)


def _printable(text: str) -> str:
    """Without characters that could move what is around them."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _in_markdown(text: str) -> str:
    return _MARKDOWN.sub(lambda found: "\\" + found[0], text)


_CHECKS = {
    Counted.RECORD: words.ON_RECORD,
    Counted.LEDGER: words.IN_A_LEDGER,
    Counted.NOWHERE: words.NOWHERE,
}
_MAIN = ' class="main"'
_STYLE = """\
body { margin: 2rem auto; max-width: 42rem; padding: 0 1rem; background: #fff; color: #1a1a1a;
  font: 1.1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.8rem; line-height: 1.25; }
h2 { font-size: 1.2rem; margin: 1.6rem 0 0.4rem; }
dt { color: #444; margin-top: 0.6rem; }
dd { margin: 0; }
.main { font-size: 1.6rem; font-weight: bold; }
@page { margin: 2cm; }
@media print { body { margin: 0; max-width: none; padding: 0; font-size: 11pt; }
  section, dl { break-inside: avoid; } h2 { break-after: avoid; } }"""
_PAGE = """\
<!doctype html>
{mark}
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
<main>
<h1><bdi>{title}</bdi></h1>
<dl>
{facts}
</dl>
{sections}
</main>
</body>
</html>
"""
