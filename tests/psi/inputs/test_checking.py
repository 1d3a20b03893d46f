"""A list that is checked without a peer: counts as of a session, most frequent keys, advice and examples."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.messy_contacts import KEYS, NULL, write_tables

from psi.agreement.terms import KeyTerm
from psi.inputs import items
from psi.inputs.checking import Checked, check
from psi.inputs.distinct import SpooledKeys
from psi.inputs.items import collect, most_frequent
from psi.normalize import Reason, parse_key
from psi.tables import open_source


def checked(tmp_path: Path, columns: dict[str, list[str | None]], *keys: str, examples: int = 0) -> Checked:
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    return check(open_source(tmp_path / "t.parquet"), tuple(map(parse_key, keys)), examples=examples)


def advice(tmp_path: Path, values: list[str | None], rule: str) -> str | None:
    return checked(tmp_path, {"c": values}, f"c{rule}").keys[0].advice


def test_it_counts_as_a_session_does(tmp_path: Path) -> None:
    table, _ = write_tables(tmp_path, 1_000, 10, seed=7)
    source, specs = open_source(table.path), [parse_key(rule) for rule in KEYS.values()]
    found = check(source, specs, nulls=(NULL,))
    plain = [collect(source, spec, nulls=(NULL,)) for spec in specs]
    assert [key.report for key in found.keys] == [each.report for each in plain]
    assert [key.report.unreadable for key in found.keys] == [table.unreadable[name] for name in KEYS]
    assert [key.digest for key in found.keys] == [KeyTerm.of(spec).digest for spec in specs]
    with_key = {row for each in plain for row in np.flatnonzero(each.row_to_key >= 0).tolist()}
    assert (found.rows, found.rows_with_key) == (found.keys[0].report.rows, len(with_key))
    assert max(np.count_nonzero(each.row_to_key >= 0) for each in plain) < len(with_key) < found.rows


def test_keys_beyond_memory_are_counted_alike_and_let_go_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[int] = []
    close = SpooledKeys.close

    def closing(self: SpooledKeys) -> None:
        closed.append(len(self))
        close(self)

    monkeypatch.setattr(SpooledKeys, "close", closing)
    pq.write_table(pa.table({"v": [f"{i % 20_000} {'x' * 1_200}" for i in range(30_000)]}), tmp_path / "t.parquet")
    (tmp_path / "spool").mkdir()
    source, spec = open_source(tmp_path / "t.parquet"), parse_key("v")
    spooled = check(source, (spec,), folder=tmp_path / "spool", memory_limit=16 << 20)
    assert closed == [20_000]
    assert spooled == check(source, (spec,))
    assert spooled.keys[0].most_frequent[0].first == (1, 20_001)


@pytest.mark.parametrize("at_once", [3, 1 << 20])
def test_the_most_frequent_keys_come_first_and_ties_by_row(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "_KEYS_AT_ONCE", at_once)
    rows = np.random.default_rng(5).integers(-1, 25, 80)
    counts = Counter(rows[rows >= 0].tolist())
    first = {key: rows.tolist().index(key) for key in counts}
    expected = sorted((key for key in counts if counts[key] >= 2), key=lambda key: (-counts[key], first[key]))
    for most in (1, 10, None):
        found = most_frequent(rows, 25, 2, least=2, most=most)
        assert [(key.rows, key.first[0]) for key in found] == [(counts[k], first[k] + 2) for k in expected[:most]]
        assert [key.first for key in found] == [
            tuple((np.flatnonzero(rows == k) + 2)[:20].tolist()) for k in expected[:most]
        ]
    assert len(expected) > 10
    assert most_frequent(np.arange(9), 9, 1, least=2, most=10) == ()


@pytest.mark.parametrize(("blank", "good", "said"), [(1, 1, False), (2, 1, True), (3, 2, True), (50, 50, False)])
def test_advice_is_given_when_over_half_of_the_rows_have_no_key(
    tmp_path: Path, blank: int, good: int, said: bool
) -> None:
    found = advice(tmp_path, [None] * blank + [f"{n}@example.org" for n in range(good)], ":email")
    assert (found is not None) is said
    assert found is None or found.startswith(f"the key is empty in {blank} of {blank + good} rows. ")


NATIONAL: list[str | None] = ["601 234 567", "601 234 568", "+48601234569"]
ADDRESSES: list[str | None] = ["Ann@example.org", "bob@example.org", "nobody"]


@pytest.mark.parametrize(
    ("values", "rule", "cure"),
    [
        (NATIONAL, ":phone", "name it with region=, as in --key c:phone,region=PL"),
        (ADDRESSES, "", "Column 'c' seems to hold e-mail addresses, but the rule 'raw' compares them letter by letter"),
        (ADDRESSES, "", "Use --key c:email"),
        (ADDRESSES, ":phone,region=PL", "the rule 'phone' cannot read them. Use --key c:email"),
        (["+48601234567", "+48601234568"], ":email", "Use --key c:phone"),
        (["03/04/1990", "05/06/1991"], ":date", "--key c:date,order=dmy"),
        (["Ann <ann@example.org>", "Bob <bob@example.org>"], ":email", "--key c:email,brackets=read"),
        (["mailto:ann@example.org"], ":email", "--key c:email,mailto=drop"),
        (["ann@example.org; bob@example.org"], ":email", "--key c:email,several=first"),
        (["+48 601 234 567 ext. 5"], ":phone", "--key c:phone,extension=drop"),
        (["4.86012E10"], ":phone", "Export the list again, with this column as text"),
        (["nobody", "no one"], ":email", "Does --key name the right column and the right rule?"),
    ],
)
def test_the_cure_is_named(tmp_path: Path, values: list[str | None], rule: str, cure: str) -> None:
    found = advice(tmp_path, values, rule)
    assert found is not None
    assert cure in found
    assert not any(value and value in found for value in values)


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        (NATIONAL, ":phone,region=PL"),
        (ADDRESSES, ":email"),
        (ADDRESSES, ":text"),
        (["ann@example.org", "A12"], ""),  # half of them is not most
        (["A-1", "A-2"], ""),
        (["20481", "20482", "100200300"], ""),
        ([], ":email"),
    ],
)
def test_a_list_that_is_well_read_needs_no_advice(tmp_path: Path, values: list[str | None], rule: str) -> None:
    assert advice(tmp_path, values or [None][:0], rule) is None


def test_no_advice_repeats_what_was_already_said(tmp_path: Path) -> None:
    """A region that is there already, or comes from a column, is not what is missing."""
    by_row = checked(tmp_path, {"c": NATIONAL, "land": ["?", "?", "?"]}, "c:phone,region-column=land").keys[0].advice
    assert by_row is not None
    assert "region=" not in by_row
    assert "column 'land' must have each row's country" in by_row
    assert "region=" not in (advice(tmp_path, ["+999123", "+999124"], ":phone,region=PL") or "")


def test_a_part_of_a_compound_key_is_advised_on(tmp_path: Path) -> None:
    columns = {"name": ["Ann", "Bob", "Eve"], "a+b": NATIONAL}
    found = checked(tmp_path, columns, r"name:name+a\+b:phone").keys[0].advice
    assert found is not None
    assert r"--key a\+b:phone,region=PL" in found


def test_examples_show_what_a_rule_changes_and_what_it_cannot_read(tmp_path: Path) -> None:
    mails: list[str | None] = ["Ann@Example.org", None, "", r"\N", "bob@example.org", "Ann@Example.org", "nobody"]
    (key,) = checked(tmp_path, {"mail": mails}, "mail:email", examples=20).keys
    assert [(each.row, each.before, each.after) for each in key.examples] == [
        (1, ("Ann@Example.org",), ("ann@example.org",)),
        (4, (r"\N",), None),
        (5, ("bob@example.org",), ("bob@example.org",)),
        (7, ("nobody",), Reason.NO_AT_SIGN),
    ]
    assert checked(tmp_path, {"mail": mails}, "mail:email").keys[0].examples == ()


def test_examples_are_at_most_so_many_and_an_unreadable_row_is_among_them(tmp_path: Path) -> None:
    mails: list[str | None] = [f"Person{n}@example.org" for n in range(70_000)] + ["nobody", "a@b@c"]
    (key,) = checked(tmp_path, {"mail": mails}, "mail:email", examples=20).keys
    assert len(key.examples) == 20
    assert [each.after for each in key.examples[-2:]] == [Reason.NO_AT_SIGN, Reason.SEVERAL_AT_SIGNS]
    assert [each.row for each in key.examples] == [*range(1, 19), 70_001, 70_002]


def test_examples_prefer_changed_rows(tmp_path: Path) -> None:
    mails: list[str | None] = [f"p{n}@example.org" for n in range(30)] + ["Ann@example.org", "x", "y", "z"]
    (key,) = checked(tmp_path, {"mail": mails}, "mail:email", examples=5).keys
    assert [each.row for each in key.examples] == [1, 2, 31, 32, 33]


def test_examples_of_a_compound_key_have_each_part(tmp_path: Path) -> None:
    columns: dict[str, list[str | None]] = {"a": ["Ann "], "b": ["Müller"], "c": ["601 234 567"], "land": ["Poland"]}
    (key,) = checked(tmp_path, columns, "a:text+b:name+c:phone,region-column=land", examples=20).keys
    assert key.examples[0].before == ("Ann ", "Müller", "601 234 567", "Poland")
    assert key.examples[0].after == ("ann", "muller", "+48601234567")
