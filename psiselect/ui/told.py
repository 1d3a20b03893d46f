"""Errors in the words of the page: fields in place of options, and "your file" in place of a path."""

from __future__ import annotations

import re

# What the functions below call an option, and what the page calls it. In this order.
_WORDS = (
    (r" --show shows the first cell at fault, on a terminal\.", ""),
    (r"/proc/self/fd/[0-9]+", "your file"),
    (r"Name the column whose cells list candidates: --ballot-column NAME", "Choose the column that lists candidates"),
    (r"--other ignore", "“leave out other texts”"),
    (r"--on-invalid drop", "“leave out broken ballots”"),
    (r"--repeated-voter(?: (?:last|first))?", "“several ballots of one voter”"),
    (r"--voter-column(?: NAME)?", "“column that says who voted”"),
    (r"--ballot-column(?: NAME)?", "“column with the ballots”"),
    (r"--separator(?: SEP)?", "“separator”"),
    (r"--candidates(?: FILE)?", "“candidates”"),
)
_COMPILED = tuple((re.compile(pattern), words) for pattern, words in _WORDS)


def told(error: BaseException) -> str:
    """What the error says, for the page: one sentence or a few, beginning with a capital letter and ending with a full
    stop."""
    text = str(error)
    for pattern, words in _COMPILED:
        text = pattern.sub(words, text)
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
