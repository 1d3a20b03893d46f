"""Two customer lists to try things out on: fictional people, real mess.

Addresses are at domains reserved for examples (RFC 2606), numbers from ranges that the regulators of the United States,
the United Kingdom and France keep free for fiction. Every person's e-mail and number is known before it is written down
in one of the ways that people use, so that the right answer of a match is known without any normalisation.
"""

from __future__ import annotations

import csv
import datetime
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cli.demo import words
from psiselect.base.atomic import replacing

# The keys under which the two lists are meant to be matched; plus tags are part of the mess.
EMAIL_RULE = "email,plus=drop"
PHONE_RULE = "phone,region=US"

_MOST_PEOPLE = 6000

_T = TypeVar("_T")
_Text = str | None


@dataclass(frozen=True, slots=True)
class SampleList:
    """One list on disk, and what its rows really hold.

    emails, phones: for each row the address in lower case without tag, and the number in E.164; None where the row has
    none or one that nobody could read.
    """

    path: Path
    email_column: str
    phone_column: str
    emails: tuple[_Text, ...]
    phones: tuple[_Text, ...]


@dataclass(frozen=True, slots=True)
class Samples:
    """Acme's customers, as CSV, and Globex's members, as Parquet."""

    acme: SampleList
    globex: SampleList

    def common_emails(self) -> frozenset[str]:
        """The plain join by e-mail address."""
        return frozenset(e for e in set(self.acme.emails) & set(self.globex.emails) if e is not None)

    def common_phones(self) -> frozenset[str]:
        """The plain join by telephone number."""
        return frozenset(p for p in set(self.acme.phones) & set(self.globex.phones) if p is not None)


def write_samples(folder: Path, *, people: int = 4000, seed: int = 2026) -> Samples:
    """Write `acme_customers.csv` and `globex_members.parquet` into the folder. Nothing in them is secret, so they are
    drawn from a seed: the same people, seed and version of NumPy give the same lists. Raises UsageError beyond 6,000
    people, for want of fictional numbers, and InputError when the folder cannot be written."""
    if people > _MOST_PEOPLE:
        raise words.too_many_people(_MOST_PEOPLE)
    draw = _Draw(seed)
    everyone = [_person(draw, number) for number in range(people)]
    # Of the people, a good half are with Acme, a good half with Globex, a third of them with both.
    cut = people // 3
    acme = [_row(draw, person) for person in draw.crowd(everyone[: 2 * cut])]
    globex = [_row(draw, person) for person in draw.crowd([_moved(draw, person) for person in everyone[cut:]])]
    customers, members = folder / "acme_customers.csv", folder / "globex_members.parquet"
    _write_customers(customers, acme, draw)
    _write_members(members, globex, draw)
    return Samples(
        SampleList(customers, "email", "phone", *_truth(acme)),
        SampleList(members, "contact_mail", "mobile", *_truth(globex)),
    )


@dataclass(frozen=True, slots=True)
class _Person:
    number: int
    first: str
    last: str
    email: str
    phone: str  # E.164


@dataclass(frozen=True, slots=True)
class _Row:
    """A person as some clerk wrote them down. email, phone: the truth; ..._as: what is in the file."""

    person: _Person
    email: _Text
    email_as: str
    phone: _Text
    phone_as: str


class _Draw:
    """Reproducible choices."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def below(self, limit: int) -> int:
        return int(self._random.integers(limit))

    def one(self, options: Sequence[_T]) -> _T:
        return options[self.below(len(options))]

    def chance(self, percent: int) -> bool:
        return self.below(100) < percent

    def crowd(self, people: list[_Person]) -> list[_Person]:
        """Everyone, one in twenty a second time, in any order."""
        twice = people + [person for person in people if self.chance(5)]
        return [twice[i] for i in self._random.permutation(len(twice))]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FIRST = _words("""
    Ann Ben Carla David Emma Farid Grace Hugo Ivy José Kim Lena Łukasz Mia Noémie Omar Priya Quentin Rosa Søren Théo
    Uma Víctor Wei Xenia Yara Zoë Élodie Jürgen Nguyễn 王芳 Ayodele Björk Chloé Dmitri Eleni
""")
_LAST = _words("""
    Adams Brown Clark D'Angelo Evans Fernández García Hughes Ivanov Jones Kowalski López Müller Nowak O'Brien Patel
    Quinn Rossi Smith-Jones Tóth Ünal Vogel Wang Xu Young Żelazny Andersson Bøe Castro Dvořák Eriksson Fischer
""")
_DOMAINS = _words("example.com example.org example.net mail.example.com post.example corp.test")
_AREAS = _words("""
    202 206 212 213 214 215 216 303 305 312 313 314 317 323 402 404 408 412 414 415 469 502 503 504 512 513 601 602
    612 615 617 619 702 704 713 718 801 808 816 901 904 907 916 918 919
""")
_SPELLED = str.maketrans({"ł": "l", "ø": "o"})
_CITIES = _words("Boston Chicago Düsseldorf Kraków Leeds Lyon Montréal Zürich Amsterdam Austin")


def _person(draw: _Draw, number: int) -> _Person:
    first, last = draw.one(_FIRST), draw.one(_LAST)
    local = unicodedata.normalize("NFKD", f"{first}.{last}".lower().translate(_SPELLED))
    plain = "".join(c for c in local if c.isascii() and c not in "'-").strip(".")
    return _Person(number, first, last, f"{plain}{number}@{draw.one(_DOMAINS)}", _phone(number))


def _phone(number: int) -> str:
    """Distinct fictional numbers: seven of ten in the United States, two in France, one in the United Kingdom."""
    group, kind = divmod(number, 10)
    if kind < 7:
        line = 7 * group + kind
        return f"+1{_AREAS[line // 100]}55501{line % 100:02}"
    return f"+336{39980000 + 2 * group + kind - 7}" if kind < 9 else f"+447700900{group:03}"


def _moved(draw: _Draw, person: _Person) -> _Person:
    """The same person as another firm knows them: at times under another address or number."""
    email = f"p{person.number}@{draw.one(_DOMAINS)}" if draw.chance(12) else person.email
    return _Person(person.number, person.first, person.last, email, person.phone)


def _row(draw: _Draw, person: _Person) -> _Row:
    email, phone = person.email, person.phone
    email_as, phone_as = draw.one(_EMAIL_HABITS)(email), draw.one(_phone_habits(phone))
    fate = draw.below(100)
    if fate < 6:
        return _Row(person, None, draw.one(("", " ", "\u00a0")), phone, phone_as)
    if fate < 8:
        return _Row(person, None, draw.one(("n/a", "none", "unknown@", email.replace("@", "(at)"))), phone, phone_as)
    if fate < 16:
        return _Row(person, email, email_as, None, "")
    if fate < 18:
        return _Row(person, email, email_as, None, draw.one(("n/a", "ask", "555-01", "0")))
    return _Row(person, email, email_as, phone, phone_as)


def _with_tag(email: str) -> str:
    local, _, domain = email.partition("@")
    return f"{local}+news@{domain}"


_EMAIL_HABITS: tuple[Callable[[str], str], ...] = (
    str,
    str,
    str,
    str.upper,
    str.title,
    lambda email: f" {email}",
    lambda email: f"{email}\u00a0",
    _with_tag,
    lambda email: f"{_with_tag(email)} ",
)


def _phone_habits(phone: str) -> tuple[str, ...]:
    if phone.startswith("+1"):
        area, exchange, line = phone[2:5], phone[5:8], phone[8:]
        return (
            phone,
            f"({area}) {exchange}-{line}",
            f"{area}-{exchange}-{line}",
            f"{area}.{exchange}.{line}",
            f"1-{area}-{exchange}-{line}",
            f"+1 {area} {exchange} {line}",
            f" {area}{exchange}{line} ",
        )
    country, national = phone[1:3], phone[3:]
    return (
        phone,
        f"+{country} {national[:3]} {national[3:6]} {national[6:]}",
        f"+{country} (0){national}",
        f"011 {country} {national}",
    )


def _truth(rows: list[_Row]) -> tuple[tuple[_Text, ...], tuple[_Text, ...]]:
    return tuple(row.email for row in rows), tuple(row.phone for row in rows)


def _write_customers(path: Path, rows: list[_Row], draw: _Draw) -> None:
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["customer_id", "name", "email", "phone", "city", "note"])
        for row in rows:
            person = row.person
            name = draw.one((f"{person.first} {person.last}", f"{person.last}, {person.first}"))
            note = draw.one(("", "", "", "VIP", 'said "call back"', "moved; see file"))
            out.writerow([f"{person.number:06}", name, row.email_as, row.phone_as, draw.one(_CITIES), note])


def _write_members(path: Path, rows: list[_Row], draw: _Draw) -> None:
    table = pa.table(
        {
            "member": pa.array([row.person.number + 70_000 for row in rows], pa.int32()),
            "first_name": [row.person.first for row in rows],
            "last_name": [row.person.last for row in rows],
            "contact_mail": pa.array([row.email_as or None for row in rows], pa.string()),
            "mobile": pa.array([row.phone_as or None for row in rows], pa.string()),
            "points": pa.array([draw.below(50_000) for _ in rows], pa.int64()),
            "since": pa.array([datetime.date(2015, 1, 1) + datetime.timedelta(draw.below(4000)) for _ in rows]),
        }
    )
    with replacing(path) as part:
        pq.write_table(table, part)
