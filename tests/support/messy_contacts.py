"""Contacts of people in Poland, Germany and the United States, as companies have them, and the truth about each.

Every person's address, number, name and day of birth is known before it is written down; each cell then gets one of the
defects below at its rate. So what a match has to find, and which cells nobody could read for which reason, is known
without any rule. Numbers are drawn in ranges for mobile telephones and lie next to each other, so that a digit that is
read wrongly, or a country that is guessed, is likely to hit somebody else.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
import struct
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

KEYS = {
    "email": "email:email,brackets=read,mailto=drop",
    "phone": "phone:phone,region-column=country",
    "person": "first:name+last:name+born:date,order=dmy",
}
NULL = "n/a"  # what one of the programs writes for nothing

_CODES = {"PL": "48", "DE": "49", "US": "1"}
_COUNTRIES = {"PL": ("PL", "Poland", "pl"), "DE": ("DE", "Germany", "de"), "US": ("US", "United States", "us")}
_FIRST = ("Ada", "Zoë", "Jürgen", "Łucja", "Sean", "D'Arcy", "Élise", "Bo", "Mary Ann", "Kim")
_LAST = ("O'Neill", "Müller", "Żak", "Smith-Jones", "García", "Li", "von Bülow", "Dąbrowski", "D'Angelo", "Lee")
_NOTHING = ("", "   ", r"\N", "#N/A", NULL, "\u200b", "\u00a0")
_UNSEEN = ("\u200b", "\ufeff", "\u00ad", "\u2060")


@dataclass(frozen=True, slots=True)
class Person:
    number: int
    country: str
    email: str
    phone: str  # E.164
    first: str
    last: str
    born: tuple[int, int, int]  # year, month, day

    @property
    def name(self) -> tuple[str, str, tuple[int, int, int]]:
        return self.first, self.last, self.born


@dataclass
class Table:
    """One side's file, what its rows hold, and how many cells nobody can read, by key and reason."""

    path: Path
    truth: dict[str, list[object]] = field(default_factory=lambda: {key: [] for key in KEYS})
    unreadable: dict[str, Counter[str]] = field(default_factory=lambda: {key: Counter() for key in KEYS})
    blank: Counter[str] = field(default_factory=Counter)
    rows: list[list[str]] = field(default_factory=list)

    def matching(self, other: Table, key: str) -> list[int]:
        """The numbers, from 0, of the rows whose key the other side has too."""
        there = set(other.truth[key]) - {None}
        return [row for row, value in enumerate(self.truth[key]) if value in there]


# A way to write a cell: the text, and why nobody can read it ("" when it can be read, "blank" when nothing is there).
Written = tuple[str, str]
Way = Callable[[random.Random, Person], Written]


def _readable(write: Callable[[random.Random, Person], str]) -> Way:
    return lambda draw, person: (write(draw, person), "")


def _blank(draw: random.Random, _: Person) -> Written:
    return draw.choice(_NOTHING), "blank"


def _reason(reason: str, write: Callable[[random.Random, Person], str]) -> Way:
    return lambda draw, person: (write(draw, person), reason)


def _any_case(draw: random.Random, text: str) -> str:
    return "".join(c.upper() if draw.random() < 0.3 else c for c in text)


def _with_unseen(draw: random.Random, text: str) -> str:
    at = draw.randrange(len(text) + 1)
    return text[:at] + draw.choice(_UNSEEN) + text[at:]


def _national(person: Person) -> str:
    """As it is dialled in the country, digits only."""
    digits = person.phone[1 + len(_CODES[person.country]) :]
    return "0" + digits if person.country == "DE" else digits


def _grouped(person: Person) -> str:
    digits = _national(person)
    if person.country == "US":
        return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}"
    if person.country == "DE":
        return f"{digits[:4]} {digits[4:8]} {digits[8:]}"
    return f"{digits[:3]} {digits[3:6]} {digits[6:]}"


def _digits(person: Person) -> str:
    return person.phone[1:]


def _java(digits: str) -> str:
    """A double as Java and POI write it."""
    return f"{digits[0]}.{digits[1:].rstrip('0') or '0'}E{len(digits) - 1}"


def _by_java(_: random.Random, person: Person) -> Written:
    """Few doubles look like 32-bit numbers, of which Java writes up to nine digits: those cannot be read."""
    digits = _digits(person)
    shown = digits.rstrip("0")
    single: float = struct.unpack("f", struct.pack("f", int(digits)))[0]
    written = f"{single:.{len(shown) - 1}e}".partition("e")[0].replace(".", "")
    return _java(digits), "digits-lost" if len(shown) <= 9 and written == shown else ""


def _excel(draw: random.Random, person: Person) -> str:
    """What a spreadsheet shows in a narrow column: places are gone."""
    digits = _digits(person)
    return f"{digits[0]},{digits[1:3]}E+{len(digits) - 1}" if draw.random() < 0.5 else f"{int(digits):.4E}"


def _bracketed_zero(_: random.Random, person: Person) -> str:
    code = _CODES[person.country]
    return f"+{code} (0) {person.phone[1 + len(code) :]}" if person.country == "DE" else f"+{code} {_grouped(person)}"


# For each kind of cell: shares in a thousand, and the ways.
EMAILS: Sequence[tuple[int, Way]] = (
    (560, _readable(lambda _, p: p.email)),
    (150, _readable(lambda d, p: _any_case(d, p.email))),
    (80, _readable(lambda d, p: f"{' ' * d.randrange(1, 3)}{p.email}\u00a0")),
    (60, _readable(lambda d, p: _with_unseen(d, p.email))),
    (30, _readable(lambda _, p: f"{p.first} {p.last.replace(chr(39), '')} <{p.email}>")),
    (20, _readable(lambda _, p: f"mailto:{p.email}")),
    (60, _blank),
    (20, _reason("no-at-sign", lambda _, p: p.email.replace("@", " at "))),
    (10, _reason("several-addresses", lambda _, p: f"{p.email}; office@example.org")),
    (10, _reason("bad-domain", lambda _, p: p.email.partition("@")[0] + "@example")),
)
PHONES: Sequence[tuple[int, Way]] = (
    (250, _readable(lambda _, p: p.phone)),
    (150, _readable(lambda _, p: _grouped(p))),
    (120, _readable(lambda _, p: _national(p))),
    (80, _readable(lambda _, p: f"+{_CODES[p.country]} {_grouped(p).removeprefix('0')}")),
    (40, _readable(lambda _, p: "00" + _digits(p) if p.country != "US" else "011" + _digits(p))),
    (40, _readable(lambda _, p: f"+00{_digits(p)}")),
    (40, _readable(_bracketed_zero)),
    (40, _readable(lambda _, p: _digits(p))),
    (40, _readable(lambda _, p: _digits(p) + ".0")),
    (40, _by_java),
    (30, _readable(lambda d, p: _with_unseen(d, p.phone))),
    (70, _blank),
    (30, _reason("digits-lost", _excel)),
    (10, _reason("has-extension", lambda d, p: f"{_grouped(p)} ext. {d.randrange(10, 99)}")),
    (10, _reason("not-a-phone-number", lambda d, _: d.choice(["ask Ann", "unknown", "-"]))),
    (10, _reason("impossible-length", lambda d, _: str(d.randrange(5 * 10**17, 10**18)))),
)
DATES: Sequence[tuple[int, Way]] = (
    (400, _readable(lambda _, p: "{2:02}.{1:02}.{0}".format(*p.born))),
    (200, _readable(lambda _, p: "{}-{:02}-{:02}".format(*p.born))),
    (100, _readable(lambda _, p: "{2}/{1}/{0} 0:00".format(*p.born))),
    (100, _readable(lambda _, p: "{}-{:02}-{:02}T00:00:00+02:00".format(*p.born))),
    (100, _readable(lambda _, p: "{}-{:02}-{:02} 00:00:00".format(*p.born))),
    (60, _blank),
    (20, _reason("no-such-day", lambda _, p: f"31.02.{p.born[0]}")),
    (20, _reason("not-a-date", lambda _, p: f"spring {p.born[0]}")),
)
NAMES: Sequence[tuple[int, Callable[[random.Random, str], str]]] = (
    (500, lambda _, name: name),
    (150, lambda d, name: _any_case(d, name)),
    (100, lambda _, name: name.replace("'", "\u00b4")),
    (100, lambda _, name: name.replace("'", "\u2019")),
    (80, lambda _, name: unicodedata.normalize("NFD", name)),
    (70, _with_unseen),
)


def people(count: int, seed: int) -> list[Person]:
    """People with addresses, numbers and names of their own. A third has a number that differs from the one before in
    its last digit only."""
    draw = random.Random(seed)
    found = []
    numbers = {"PL": 600_000_000, "DE": 15_110_000_000, "US": 2_122_000_000}
    for number in range(count):
        country = draw.choice(list(_CODES))
        numbers[country] += draw.choice([1, 10, 37])
        first, last = draw.choice(_FIRST), draw.choice(_LAST)
        born = (1930 + number % 80, 1 + number // 80 % 12, 1 + number // 960 % 28)
        plain = "".join(c for c in f"{first}.{last}".lower() if c.isascii() and (c.isalnum() or c == "."))
        name = f"{first} {_roman(number // 26880)}" if number >= 26880 else first
        found.append(
            Person(
                number,
                country,
                f"{plain}.{number}@{draw.choice(['example.com', 'example.org', 'mail.example.net'])}",
                f"+{_CODES[country]}{numbers[country]}",
                name,
                last,
                born,
            )
        )
    return found


def _roman(number: int) -> str:
    return "I" * number


def write_tables(folder: Path, rows_here: int, rows_there: int, seed: int) -> tuple[Table, Table]:
    """`here.csv`, with semicolons, a line that says so and CRLF; `there.csv.gz`, with commas. A third of the shorter
    one's people are in both; about one row in fifty repeats a person, written in other ways."""
    common = rows_there // 3
    everyone = people(rows_here + rows_there - common, seed)
    draw = random.Random(seed + 1)
    here = _table(folder / "here.csv", _with_repeats(draw, everyone[:rows_here]), draw)
    there = _table(folder / "there.csv.gz", _with_repeats(draw, everyone[rows_here - common :]), draw)
    here.path.write_bytes(b"sep=;\r\n" + _csv(here, ";", "\r\n"))
    with gzip.open(there.path, "wb", compresslevel=1) as file:
        file.write(_csv(there, ",", "\n"))
    return here, there


def _with_repeats(draw: random.Random, some: list[Person]) -> list[Person]:
    rows = [draw.choice(some) if draw.random() < 0.02 else person for person in some]
    draw.shuffle(rows)
    return rows


def _table(path: Path, persons: Sequence[Person], draw: random.Random) -> Table:
    table = Table(path)
    for person in persons:
        email, phone, born = (_pick(draw, ways)(draw, person) for ways in (EMAILS, PHONES, DATES))
        first, last = (_pick(draw, NAMES)(draw, name) for name in (person.first, person.last))
        cells = {"email": (email[1], person.email), "phone": (phone[1], person.phone), "person": (born[1], person.name)}
        for key, (why, truth) in cells.items():
            table.truth[key].append(None if why else truth)
            if why == "blank":
                table.blank[key] += 1
            elif why:
                table.unreadable[key][why] += 1
        country = draw.choice(_COUNTRIES[person.country])
        table.rows.append([str(len(table.rows)), email[0], phone[0], country, first, last, born[0]])
    return table


def _pick(draw: random.Random, ways: Sequence[tuple[int, Callable[..., Written | str]]]) -> Callable[..., object]:
    return draw.choices([way for _, way in ways], [share for share, _ in ways])[0]


def _csv(table: Table, delimiter: str, end: str) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end)
    writer.writerow(["row", "email", "phone", "country", "first", "last", "born"])
    writer.writerows(table.rows)
    return text.getvalue().encode()
