"""Errors in the words of the page: fields in place of options, and "your file" in place of a path."""

from __future__ import annotations

import re
from collections.abc import Mapping

# What the functions below call an option, and what the page calls it. In this order.
_WORDS = (
    (r"Name the column whose cells list candidates: --ballot-column NAME", "Choose the column that lists candidates"),
    (r"--other ignore", "“leave out other texts”"),
    (r"--on-invalid drop", "“leave out broken ballots”"),
    (r"on_invalid=\"drop\"", "“leave out”"),
    (r"--repeated-voter(?: (?:last|first))?", "“several ballots of one voter”"),
    (r"--voter-column(?: NAME)?", "“column that says who voted”"),
    (r"--ballot-column(?: NAME)?", "“column with the ballots”"),
    (r"--separator(?: SEP)?", "“separator”"),
    (r"--candidates(?: FILE)?", "“candidates”"),
    # Numbers and matches: the functions say their arguments.
    (r"(?:--no-header|header=False)\b", "“the first row holds data”"),
    (r"(?:--header|header=True|header=)(?![\w-])", "“the first row names the columns”"),
    (r"(?:--delimiter|delimiter=)(?: ?(?:semicolon|comma|tab|pipe|space|C))?(?![\w-])", "“what separates the cells”"),
    (r"(?:--encoding|encoding=)(?: ?[a-z0-9-]+\b|NAME)?", "“encoding of the file”"),
    (r"(?:--sheet|sheet=)(?: ?NAME)?(?![\w-])", "“sheet”"),
    (r"(?:--format|format=)(?: ?[a-z]+\b)?", "the ending of the file's name"),
    (r"(?:--key|key=)(?: [^:;,]+:[a-z]+[a-z,=-]*)?(?![\w-])", "“column to match by”"),
    (r"(?:--null|null=)(?: ?[A-Z]+)?(?![\w-])", "“texts for an empty cell”"),
    (r"(?:--learn|learn=)(?![\w-])", "“who gets the result”"),
    (r"(?:--reveal|reveal=)(?![\w-])", "“what the result is”"),
    (r"(?:--min-matches|min_matches=)(?![\w-])", "“smallest result that is shown”"),
    (r"(?:--matching|matching=)(?![\w-])", "“how often a row may match”"),
    (r"(?:--send|\bsend=)(?![\w-])", "“columns that your partner gets”"),
    (r"(?:--receive|\breceive=)(?![\w-])", "“columns that you get”"),
    (r"(?:--value-decimals|\bvalue_decimals=?)(?![\w-])", "“decimal places”"),
    (r"(?:--value-max|\bvalue_max=?)(?![\w-])", "“largest sum of one value’s rows”"),
    (r"(?:--value|\bvalue=)(?![\w-])", "“column to be added up”"),
    (r"(?:--peer|\bpeer=)(?![\w-])", "your partner’s certificate"),
    (r"\b(says?) matches\b", r"\1 “which rows match”"),
    (r"\b(says?) count\b", r"\1 “only how many match”"),
    (r"\b(says?) sum\b", r"\1 “how many match, and the sum of a column over them”"),
    (r"\bthe peer\b", "your partner"),
    (r"\bThe peer\b", "Your partner"),
    (r"(?:--input|\btable=)(?![\w-])", "“your list”"),
    (r"(?:--person|\bperson=?)(?: ?'[^']*'|(?<==))", "“column that says whose row it is”"),
    (r"\bcontributions=([0-9]+)", r"“rows of one person” \1"),
    (r"--contributions(?: C)?|\bcontributions\b=?", "“rows of one person”"),
    (
        r"\b(?:with (?:--neighbors replace|neighbors=\"replace\")|under replace),?(?= )",
        "if it is public who is in the file,",
    ),
    (r"\bneighbors=(?:\"[a-z-]+\")?", "“what must stay hidden”"),
    (r"\bn=([0-9]+)", r"“number of rows” \1"),
    (r"(?:--n|\bn=)(?![\w-])", "“number of rows”"),
    (r"\bother=(?:NAME)?", "“name for all other values”"),
    (r"\bgroups=", "“groups”"),
    (r"\(column=?\)", "(“column”)"),
    (r"\bcategories=", "“values”"),
    (r"\bbins=", "“edges of the ranges”"),
    (r"\blower=?(?= must)", "“lowest value”"),
    (r"(?<=must be below )upper=?", "“highest value”"),
    (r"\blower=", "“lowest value”"),
    (r"\bupper=", "“highest value”"),
    (r"\bunit=", "“step”"),
)
_COMPILED = tuple((re.compile(pattern), words) for pattern, words in _WORDS)
_FILE = re.compile(r"(?P<quote>'?)/proc/self/fd/[0-9]+(?P=quote)")


def told(error: BaseException, files: Mapping[str, str] | None = None) -> str:
    """What the error says, for the page: one sentence or a few, beginning with a capital letter and ending with a full
    stop. files: by path, what the person calls a file; any other that a form has sent is "your file"."""
    text = str(error)
    for path, called in (files or {}).items():
        text = called.join(re.split(rf"'{re.escape(path)}'|{re.escape(path)}(?![0-9])", text))
    text = _FILE.sub("your file", text)
    for pattern, words in _COMPILED:
        text = pattern.sub(words, text)
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
