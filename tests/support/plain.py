"""What the rules for plain pages find in a Markdown page: long lines and sentences, banned words, broken links.

Tables and code are exempt from the rules about lines, sentences and paragraphs, tables not from those about words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

LONGEST_LINE = 119
MOST_WORDS = 25
MOST_SENTENCES = 5

# Words of the project's old dialect, and pronouns that leave the reader to find out what they stand for.
BANNED = {
    "papers": r"papers",
    "house": r"houses?",
    "door": r"doors?",
    "shelf": r"shel(?:f|ves)",
    "bond": r"bonds?",
    "visit": r"visit(?:s|ed|ing)?",
    "patience": r"patience",
    "goodbye": r"goodbyes?",
    "is told": r"(?:is|are|was|were|be) told",
    "is said": r"(?:is|are|was|were|be) said",
    "what there is to say": r"there is (?:nothing |no more |more )?to say",
    "that of": r"(?:that|those) of",
    "the same, of what?": r"the same(?=\s*(?:[.,;:)]|$))",
}

# A full stop behind this, as in "et al.", does not end a sentence.
_ABBREVIATION = re.compile(r"\bal\.$")

_MARKDOWN = MarkdownIt("commonmark").enable("table")
_END = re.compile(r"[.!?][)\]\"'”’*]*(?=\s|$)")


@dataclass(frozen=True)
class Paragraph:
    """A paragraph outside code, as a reader sees it.

    Attributes:
        line: number of its first line in the page, from 1.
        lines: its text by line of the page, without marks; a piece of code stands as the word CODE.
        cell: whether it is the cell of a table, or a heading.
    """

    line: int
    lines: tuple[str, ...]
    cell: bool


def _shown(token: Token) -> tuple[str, ...]:
    """The text of an inline token, by line of the page."""
    text = ""
    for child in token.children or ():
        if child.type in ("softbreak", "hardbreak"):
            text += "\n"
        elif child.type == "code_inline":
            text += "CODE"
        elif child.type == "html_inline":
            text += " "
        elif child.type in ("text", "image"):
            text += child.content
    return tuple(text.split("\n"))


@cache
def _tokens(text: str) -> tuple[Token, ...]:
    return tuple(_MARKDOWN.parse(text))


def paragraphs(text: str) -> list[Paragraph]:
    """The paragraphs, cells and headings of a page, in order."""
    tokens = _tokens(text)
    return [
        Paragraph((token.map or [0])[0] + 1, _shown(token), before.type != "paragraph_open")
        for before, token in pairwise(tokens)
        if token.type == "inline"
    ]


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph's text, in order; the last one may lack its full stop."""
    found, start = [], 0
    for end in _END.finditer(text):
        if not _ABBREVIATION.search(text[: end.end()]):
            found.append(text[start : end.end()].strip())
            start = end.end()
    return [sentence for sentence in (*found, text[start:].strip()) if sentence]


def words(sentence: str) -> int:
    """How many words a sentence has; signs without a letter or digit are none."""
    return sum(1 for word in sentence.split() if re.search(r"\w", word))


def _exempt_lines(text: str) -> set[int]:
    """The numbers of the lines of code, tables and comments, from 1."""
    kinds = ("fence", "code_block", "table_open", "html_block")
    return {
        line + 1
        for token in _tokens(text)
        if token.type in kinds and token.map is not None
        for line in range(*token.map)
    }


def faults(text: str, exceptions: frozenset[str] = frozenset()) -> list[str]:
    """What a page has against the rules, each with its line; sentences in `exceptions` may be long."""
    exempt = _exempt_lines(text)
    found = [
        (number, f"{len(line)} characters in a line")
        for number, line in enumerate(text.splitlines(), 1)
        if len(line) > LONGEST_LINE and number not in exempt
    ]
    for paragraph in paragraphs(text):
        for number, line in enumerate(paragraph.lines, paragraph.line):
            found += [
                (number, f"banned: {name}")
                for name, pattern in BANNED.items()
                if re.search(rf"(?<![\w-]){pattern}(?![\w-])", line, re.IGNORECASE)
            ]
        if paragraph.cell:
            continue
        for number, line in enumerate(paragraph.lines, paragraph.line):
            if len(sentences(line)) > 1:
                found.append((number, "two sentences in a line"))
        whole = sentences(" ".join(paragraph.lines))
        if len(whole) > MOST_SENTENCES:
            found.append((paragraph.line, f"{len(whole)} sentences in a paragraph"))
        found += [
            (paragraph.line, f"{words(sentence)} words: {sentence}")
            for sentence in whole
            if words(sentence) > MOST_WORDS and sentence not in exceptions
        ]
    return [f"line {number}: {what}" for number, what in sorted(found)]


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, made as GitHub makes them."""
    seen: dict[str, int] = {}
    found = set()
    tokens = _tokens(text)
    for before, token in pairwise(tokens):
        if before.type == "heading_open":
            title = "".join(child.content for child in token.children or ())
            kept = (sign for sign in title.lower() if sign in " -_" or unicodedata.category(sign)[0] in "LNM")
            name = "".join(kept).replace(" ", "-")
            found.add(f"{name}-{seen[name]}" if name in seen else name)
            seen[name] = seen.get(name, 0) + 1
    return found


def _targets(text: str) -> Iterator[tuple[int, str]]:
    """The targets of a page's links and images, each with the line of its paragraph."""
    for token in _tokens(text):
        for child in token.children or ():
            target = child.attrGet("href" if child.type == "link_open" else "src")
            if child.type in ("link_open", "image") and target:
                yield (token.map or [0])[0] + 1, str(target)


def broken_links(page: Path) -> list[str]:
    """The relative links of a page that lead to no file, or to no heading of one."""
    found = []
    for line, target in _targets(page.read_text(encoding="utf-8")):
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            continue
        place = page.parent / unquote(parts.path) if parts.path else page
        if not place.exists():
            found.append(f"line {line}: {target}: no such file")
        elif parts.fragment and (
            place.suffix != ".md" or unquote(parts.fragment) not in anchors(place.read_text(encoding="utf-8"))
        ):
            found.append(f"line {line}: {target}: no such heading")
    return found
