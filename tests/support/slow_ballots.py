"""Readers of ballots that share nothing with the product's: line by line, character by character.

Each gives the ballots that count under --on-invalid drop, as sets of candidates' indices with the number of such
ballots. Readers of lines take the bytes below the header. Readers of documents take the whole file, and give None for
one that is not well formed. slow_documents has more of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

Ballots = list[tuple[frozenset[int], int]]
_LONGEST = 4 << 20


def lines(data: bytes) -> Iterator[str | None]:
    """Physical lines; None for one that is blank or no text."""
    parts = data.split(b"\n")
    if parts[-1] == b"":
        parts.pop()
    for part in parts:
        line = part[:-1] if part.endswith(b"\r") else part
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            yield None
            continue
        yield None if not text or "\0" in text or "\r" in text or len(line) > _LONGEST else text


def fields(line: str, delimiter: str) -> list[str] | None:
    """RFC 4180 in one line; None for a stray or open quote."""
    found, at = [], 0
    while True:
        if line[at : at + 1] == '"':
            at, text = at + 1, ""
            while True:
                end = line.find('"', at)
                if end < 0:
                    return None
                text += line[at:end]
                at = end + 1
                if line[at : at + 1] != '"':
                    break
                text, at = text + '"', at + 1
            if line[at : at + 1] not in ("", delimiter):
                return None
        else:
            end = line.find(delimiter, at)
            end = len(line) if end < 0 else end
            text, at = line[at:end], end
        found.append(text)
        if at == len(line):
            return found
        at += 1


def plain(text: str) -> str:
    return "".join(" " if unicodedata.category(c) == "Zs" else c for c in unicodedata.normalize("NFC", text)).strip()


def listed(cell: str, names: list[str], cuts: str) -> frozenset[int] | None:
    """Names without separators in them."""
    found = {plain(part) for part in re.split(f"[{cuts}]", cell)} - {""}
    return frozenset(names.index(name) for name in found) if found <= set(names) else None


def csv_rows(data: bytes, delimiter: str, width: int) -> Iterator[list[str]]:
    for line in lines(data):
        row = None if line is None else fields(line, delimiter)
        if row is not None and len(row) == width:
            yield row


def lists(data: bytes, names: list[str]) -> Ballots:
    """Under the header voter_id,approved; the last row of each voter."""
    last: dict[str, frozenset[int] | None] = {}
    for voter, cell in csv_rows(data, ",", 2):
        folded = plain(plain(voter).casefold())
        if folded:
            last[folded] = listed(cell, names, ";,|")
    return [(ballot, 1) for ballot in last.values() if ballot is not None]


def numbered(data: bytes, names: list[str], columns: int) -> Ballots:
    """Under a header approved_1,approved_2 and so on; a name a cell."""
    ballots: Ballots = []
    for row in csv_rows(data, ",", columns):
        found = [name for name in map(plain, row) if name]
        if set(found) <= set(names) and len(set(found)) == len(found):
            ballots.append((frozenset(map(names.index, found)), 1))
    return ballots


def matrix(data: bytes, names: list[str]) -> Ballots:
    """One column per candidate, where the candidate's name is a yes, too."""
    yes = ["1", "1.0", "yes", "y", "true", "t", "x", "✓", "✔", "✔️", "✅", "☑", "☑️", "√"]
    no = ["", *["0", "0.0", "no", "n", "false", "f", "-", "☐"]]
    ballots: Ballots = []
    for row in csv_rows(data, ",", len(names)):
        cells = [plain(cell).casefold() for cell in row]
        cells = ["yes" if cell == plain(name).casefold() else cell for cell, name in zip(cells, names, strict=True)]
        if set(cells) <= {*yes, *no}:
            ballots.append((frozenset(place for place, cell in enumerate(cells) if cell in yes), 1))
    return ballots


def votes(data: bytes, names: list[str], most: int) -> Ballots:
    """Pabulib's, under the header vote;age."""
    found = (listed(row[0], names, ",") for row in csv_rows(data, ";", 2))
    return [(ballot, 1) for ballot in found if ballot is not None and len(ballot) <= most]


def groups(data: bytes, size: int, categories: int) -> Ballots:
    """PrefLib's, of candidates numbered from 1."""
    ballots: Ballots = []
    for line in lines(data):
        count, colon, rest = (line or "").partition(":")
        count = count.strip(" \t\f")
        if not colon or not re.fullmatch("[0-9]{1,15}", count) or not 1 <= int(count) <= 10**10:
            continue
        parts, depth, bad = [""], 0, False
        for character in rest:
            depth += (character == "{") - (character == "}")
            bad = bad or depth not in (0, 1)
            if character == "," and depth == 0:
                parts.append("")
            else:
                parts[-1] += character
        sets = []
        for part in parts:
            part = part.strip(" \t\f")
            inner = part[1:-1] if part.startswith("{") and part.endswith("}") and len(part) > 1 else part
            numbers = (
                [number.strip(" \t\f") for number in inner.split(",")] if inner.strip(" \t\f") or inner == part else []
            )
            bad = bad or any(not re.fullmatch("[0-9]{1,9}", number) for number in numbers)
            sets.append(numbers)
        if bad or depth or len(parts) > categories:
            continue
        flat = [int(number) for numbers in sets for number in numbers]
        if len(set(flat)) == len(flat) and all(1 <= number <= size for number in flat):
            ballots.append((frozenset(int(number) - 1 for number in sets[0]), int(count)))
    return ballots


def ranked(data: bytes, size: int) -> Ballots:
    """BLT's lines between the first line and the end of the ballots."""
    ballots: Ballots = []
    for line in lines(data):
        words = re.split("[ \t\f]+", (line or "").partition("#")[0].strip(" \t\f"))
        if len(words) < 2 or words[-1] != "0" or not re.fullmatch("[0-9]{1,15}", words[0]):
            continue
        numbers = [number for word in words[1:-1] if word != "-" for number in word.split("=")]
        if not 1 <= int(words[0]) <= 10**10 or any(not re.fullmatch("[0-9]{1,7}", number) for number in numbers):
            continue
        found = [int(number) for number in numbers]
        if len(set(found)) == len(found) and all(1 <= number <= size for number in found):
            ballots.append((frozenset(number - 1 for number in found), int(words[0])))
    return ballots
