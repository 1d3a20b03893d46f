"""Rules against slow readings written out here, and the laws that all of them obey."""

from __future__ import annotations

import calendar
import functools
import hashlib
import re
import struct
import unicodedata

import idna
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from psi.normalize import FIRST, RULES, Reason, parse_key
from psi.normalize.characters import SPACE, is_nothing
from psi.normalize.rule import Rule
from psiselect.base.errors import UsageError

VARIANTS = [
    rule.of(options)
    for rule, options in [
        (RULES["raw"], {}),
        (RULES["text"], {}),
        (RULES["name"], {}),
        (RULES["name"], {"marks": "keep"}),
        (RULES["email"], {}),
        (RULES["email"], {"case": "keep", "plus": "drop", "dots": "drop", "spaces": "drop"}),
        (RULES["email"], {"gmail": "keep", "spaces": "drop"}),
        (RULES["date"], {}),
        (RULES["date"], {"order": "dmy"}),
        (RULES["date"], {"order": "mdy"}),
        (RULES["sha256"], {}),
        (RULES["phone"], {}),
        (RULES["phone"], {"region": "US", "extension": "drop"}),
        (RULES["phone"], {"region": "DE", "plus": "optional"}),
        (RULES["email"], {"brackets": "read", "mailto": "drop", "several": "first"}),
        (RULES["date"], {"order": "excel"}),
        *((rule, {}) for rule in FIRST.values()),
    ]
]
by_variant = pytest.mark.parametrize("rule", VARIANTS, ids=lambda rule: rule.describe())

unicode_text = st.text(st.characters(codec="utf-8"), max_size=30)
# The table of IDNA, which the slow reading uses, may know characters that this Python does not.
assigned_text = st.text(st.characters(exclude_categories=("Cn", "Cs")), max_size=30)
ascii_text = st.text(st.characters(max_codepoint=127), max_size=30)
# Text in which the rules find something to do.
busy_text = st.text(
    "aAbB .+-@'@\u00e9e\u0301\u0141\u00df\ufb01\uff21\uff20\u3000\u00a0\u0130\u2019\t\n019/", max_size=24
)
addresses = st.builds(
    "{}{}@{}{}".format,
    st.sampled_from(["", " ", "\u00a0"]),
    st.text('aZ.+\u00e9\u00dc "_-', max_size=10),
    st.sampled_from(
        [
            "gmail.com",
            "GoogleMail.com",
            "example.com",
            "Ex\u00e4mple.ORG",
            "a_b.com",
            "x",
            "-a.b",
            "ex\uff0eam.ple",
            "\u00df.de",
        ]
    ),
    st.sampled_from(["", " ", ".", "\n"]),
)
dates = st.builds(
    "{}{}{}{}{}".format,
    st.one_of(st.integers(0, 40), st.integers(1890, 2030).map("{:04}".format), st.integers(1, 12).map("{:02}".format)),
    st.sampled_from(["-", "/", ".", " ", ""]),
    st.one_of(st.integers(0, 40), st.sampled_from(["Feb", "february", "MAY", "sept.", "02", "11"])),
    st.sampled_from(["-", "/", ".", " ", ", ", ""]),
    st.one_of(st.integers(0, 40), st.integers(1890, 2030), st.sampled_from(["29", "28T01:02", "01 10:00:00Z"])),
)
texts = st.one_of(unicode_text, ascii_text, busy_text, addresses, dates, st.none())


@by_variant
@settings(max_examples=25, deadline=None)
@given(st.lists(texts, max_size=12))
def test_laws(rule: Rule, values: list[str | None]) -> None:
    """No text raises; every row is valued, blank or unreadable under one reason; a row's neighbours do not matter;
    twice is once; canonical values are not blank."""
    column = pa.array(values, pa.string())
    once = rule.apply(column)
    assert len(once.values) == len(values)
    assert once.values.type == pa.large_string()
    unreadable = sorted(int(row) for rows in once.unreadable.values() for row in rows)
    assert unreadable == sorted(set(unreadable))
    for row, value in enumerate(values):
        canonical = once.values[row].as_py()
        blank = value is None or not value.strip()
        if rule.placeholders:
            blank = value is None or is_nothing(pa.array([value], pa.large_string()))[0].as_py()
        assert (canonical is None) == (blank or row in unreadable)
        assert canonical is None or canonical.strip()
        alone = rule.apply(pa.array([value], pa.string()))
        assert alone.values[0].as_py() == canonical
        assert [r for r, rows in once.unreadable.items() if row in rows] == list(alone.unreadable)
    again = rule.apply(once.values)
    assert again.values.equals(once.values)
    assert not again.unreadable
    for layout in (
        column.cast(pa.large_string()),
        column.dictionary_encode(),
        pa.chunked_array([column[:3], column[3:]]),
    ):
        assert rule.apply(layout).values.equals(once.values)


# Where IDNA goes another way than Unicode: letters that it keeps, and a full stop that it takes for a dot.
NOT_AS_IDNA = {"\u00df": "ss", "\u1e9e": "ss", "\u03c2": "\u03c3", "\u3002": "\u3002"}


@functools.cache
def folded(character: str) -> str:
    """What a character becomes when case and compatibility are of no account, by the mapping table of UTS 46."""
    if character in NOT_AS_IDNA:
        return NOT_AS_IDNA[character]
    try:
        return idna.uts46_remap(character, std3_rules=False, transitional=False) or character
    except idna.IDNAError:  # not allowed in domains
        return character


def caseless(value: str) -> str:
    """The compatibility caseless form (Unicode 3.13, D146): taken apart, mapped character by character by a table that
    is not Python's, put together, until nothing changes."""
    while True:
        apart = unicodedata.normalize("NFKD", value)
        again = unicodedata.normalize("NFC", "".join(map(folded, apart)))
        if again == value:
            return value
        value = again


def slow_text(value: str) -> str:
    return re.sub(r"\s+", " ", caseless(value)).strip()


def slow_email(value: str) -> str | None:
    """Defaults: split by hand, labels checked one by one."""
    local, at, domain = unicodedata.normalize("NFKC", value).strip().rpartition("@")
    local = caseless(local)
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True, std3_rules=True).decode()
        except idna.IDNAError:
            return None
    domain = domain.lower()
    if domain in ("gmail.com", "googlemail.com"):
        local, domain = local.split("+")[0].replace(".", ""), "gmail.com"
    labels = domain.split(".")
    allowed = set("abcdefghijklmnopqrstuvwxyz0123456789-")
    fine = (
        bool(at)
        and 1 <= len(local) <= 64
        and not any(c.isspace() or ord(c) < 32 or c in '"(),:;<>@[\\]\x7f' for c in local)
        and len(labels) >= 2
        and all(1 <= len(x) <= 63 and set(x) <= allowed and "-" not in (x[0], x[-1]) for x in labels)
        and len(f"{local}@{domain}".encode()) <= 254
    )
    return f"{local}@{domain}" if fine else None


def slow_date(value: str) -> str | None:
    """ISO dates only, by the calendar module."""
    found = re.fullmatch(r"([0-9]{4})([-/.]?)([0-9]{1,2})\2([0-9]{1,2})", value)
    if not found or (not found[2] and len(value) != 8):
        return None
    year, month, day = (int(found[i]) for i in (1, 3, 4))
    if year < 1 or not 1 <= month <= 12 or not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    return f"{year:04}-{month:02}-{day:02}"


def column(rule: str, values: list[str]) -> list[str | None]:
    """Version 1: the slow readings here are of that."""
    found: list[str | None] = FIRST[rule].of({}).apply(pa.array(values, pa.string())).values.to_pylist()
    return found


def blank_aside(values: list[str], slow: list[str | None]) -> list[str | None]:
    return [None if not value.strip() else result for value, result in zip(values, slow, strict=True)]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(busy_text, ascii_text, assigned_text), max_size=8))
def test_text_equals_slow_reading(values: list[str]) -> None:
    assert column("text", values) == blank_aside(values, [slow_text(v) for v in values])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(addresses, busy_text), max_size=8))
@example(["a@b@c.d"])
def test_email_equals_slow_reading(values: list[str]) -> None:
    assert column("email", values) == blank_aside(values, [slow_email(v) for v in values])


iso_dates = st.builds(
    "{:04}{}{}{}{}".format,
    st.integers(0, 9999),
    st.sampled_from("-/."),
    st.integers(0, 14),
    st.sampled_from("-/."),
    st.integers(0, 33),
)
plain_dates = st.dates().map(lambda d: d.strftime("%Y%m%d").rjust(8, "0"))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(iso_dates, plain_dates, st.from_regex(r"[0-9]{8}", fullmatch=True)), max_size=20))
def test_date_equals_slow_reading(values: list[str]) -> None:
    assert column("date", values) == [slow_date(v) for v in values]


def test_every_day_of_120_years() -> None:
    days = [f"{y:04}-{m:02}-{d:02}" for y in range(1890, 2010) for m in range(14) for d in range(33)]
    assert column("date", days) == [slow_date(d) for d in days]


@functools.cache
def changing() -> list[str]:
    """Every character that Unicode takes apart or that has another case."""
    every = (chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000)
    return [c for c in every if unicodedata.decomposition(c) or c != c.lower() or c != c.upper()]


@pytest.mark.parametrize("rule", ["text", "name"])
def test_every_code_point_that_changes_is_idempotent(rule: str) -> None:
    made = RULES[rule].of({})
    once = made.apply(pa.array([f"x{c}y {c}" for c in changing()], pa.string())).values
    assert made.apply(once).values.equals(once)


def test_every_code_point_that_changes_equals_slow_reading() -> None:
    assert len(changing()) > 7_000
    values = [f"x{c}y {c}" for c in changing()]
    assert column("text", values) == [slow_text(value) for value in values]


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("Stra\u00dfe", "strasse"),
        ("STRASSE", "strasse"),
        ("\u1e9e", "ss"),
        ("\u03a3\u03c2\u03c3", "\u03c3\u03c3\u03c3"),  # all three sigmas
        ("\ufb01", "fi"),
        ("\u212b", "\u00e5"),  # the unit is the letter
        ("A\u030a", "\u00e5"),
        ("\u0130", "i\u0307"),  # a capital with a dot is not a plain i
        ("I\u0307", "i\u0307"),
        ("\u0131", "\u0131"),
        ("\u3392", "mhz"),  # capitals that appear only when a square is taken apart
        ("\u2460\u00b2", "12"),
        ("\u1fb4", "\u03ac\u03b9"),  # the small iota below becomes a letter, after the accent
        ("\u03b1\u0345\u0301", "\u03ac\u03b9"),  # marks in another order
        ("\uff21\u3000\uff22", "a b"),
        ("\u01c5", "d\u017e"),
    ],
)
def test_forms_of_one_text_have_one_key(written: str, canonical: str) -> None:
    """Worked by hand from the Unicode character database."""
    assert column("text", [written, f" {written} "]) == [canonical] * 2
    assert caseless(written) == canonical


def test_space_is_what_python_calls_space() -> None:
    pattern = re.compile(re.sub(r"\\x\{([0-9a-f]+)\}", lambda m: f"\\u{int(m[1], 16):04x}", SPACE))
    assert all(bool(pattern.fullmatch(chr(c))) == chr(c).isspace() for c in range(0x110000))


def test_digest_covers_name_version_and_options_and_nothing_else() -> None:
    fields = [b"psiselect rule", b"name", b"2", b"marks", b"drop"]
    plain = hashlib.sha256(b"".join(struct.pack(">Q", len(f)) + f for f in fields)).digest()
    assert RULES["name"].of({}).digest() == plain
    assert parse_key("a:name").digest() == parse_key("b:name,marks=drop").digest()
    different = [
        parse_key(k).digest() for k in ("a:name", "a:text", "a:name,marks=keep", "a:name+b:name", "a:raw", "a:date")
    ]
    assert len(set(different)) == len(different)
    assert parse_key("a:name+b:date").digest() != parse_key("a:date+b:name").digest()
    assert len(parse_key("a:name").type_tag) == 16


def test_new_version_is_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = RULES["email"].of({}).digest()
    monkeypatch.setattr(RULES["email"], "version", 3)
    assert RULES["email"].of({}).digest() != before


columns = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


@given(st.lists(columns, min_size=1, max_size=3), st.sampled_from(["raw", "email", "phone"]))
def test_any_column_name_can_be_written(names: list[str], rule: str) -> None:
    escaped = [re.sub(r"([\\:+,=])", r"\\\1", name) for name in names]
    spec = parse_key("+".join(f"{name}:{rule}" for name in escaped))
    assert spec.columns == tuple(names)
    assert parse_key(str(spec)) == spec


def test_key_without_rule_is_raw() -> None:
    assert parse_key("customer id").parts[0].rule == RULES["raw"].of({})
    assert parse_key("p:phone,region=PL,extension=drop").describe() == "phone/2 extension=drop plus=required region=PL"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "COLUMN"),
        (":email", "COLUMN"),
        ("a:b:c", "COLUMN"),
        ("a+", "COLUMN"),
        ("a:emial", "Did you mean 'email'"),
        ("a:", "The rules are raw, text"),
        ("a:email,dots", "option=value"),
        ("a:email,dots=drop=x", "option=value"),
        ("a:email,dots=drop,dots=keep", "twice"),
        ("a:email,colour=red", "brackets, case, dots, gmail, mailto, plus, several, spaces"),
        ("a:email,dots=perhaps", "keep, drop"),
        ("a:phone,region=pl", "Did you mean region=PL"),
        ("a:text,x=y", "no option"),
        ("a\\", "backslash"),
    ],
)
def test_key_errors_say_what_to_write(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        parse_key(text)


@given(st.lists(st.tuples(texts, texts), max_size=12))
def test_compound_keys_are_injective(rows: list[tuple[str | None, str | None]]) -> None:
    spec = parse_key("a+b")
    keys = spec.apply([pa.array([r[i] for r in rows], pa.string()) for i in (0, 1)]).values.to_pylist()
    for row, key in zip(rows, keys, strict=True):
        if any(part is None or not part.strip() for part in row):
            assert key is None
            continue
        parts = [part.encode() for part in row if part is not None]
        assert key == b"".join(len(p).to_bytes(4, "big") + p for p in parts)
    whole = [(row, key) for row, key in zip(rows, keys, strict=True) if key is not None]
    assert len({key for _, key in whole}) == len({row for row, _ in whole})


def test_compound_key_of_shifted_parts_differs() -> None:
    keys = parse_key("a+b").apply([pa.array(["ab", "a"]), pa.array(["c", "bc"])]).values
    assert keys[0] != keys[1]


def test_compound_key_counts_a_row_once() -> None:
    spec = parse_key("a:date+b:email")
    made = spec.apply([pa.array(["x", "x", "", "1990-01-01"]), pa.array(["y", "", "y", "a@b.example"])])
    assert {r: rows.tolist() for r, rows in made.unreadable.items()} == {
        Reason.NOT_A_DATE: [0, 1],
        Reason.NO_AT_SIGN: [2],
    }
    assert made.blank_count == 0
    assert made.values[3].as_py() is not None


def test_a_rule_reads_text_only() -> None:
    with pytest.raises(TypeError):
        RULES["raw"].of({}).apply(pa.array([1]))
