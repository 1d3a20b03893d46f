"""Records in docs/decisions: every one has the template's parts in order, and the index lists it under its room."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "decisions"
RECORDS = {path.name: path.read_text() for path in sorted(FOLDER.glob("*.md")) if path.name != "README.md"}
INDEX = (FOLDER / "README.md").read_text()

HEAD = re.compile(r"# (\d{4}) (\S.*)\n\n- Status: (.*)\n- Date: (.*)\n- Room: (.*)\n\n(?=## )")
HEADINGS = ["Context", "Decision", "Consequences"]
NAME = re.compile(r"(\d{4})-[a-z0-9-]+\.md")
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


def numbers() -> set[str]:
    return {name[:4] for name in RECORDS}


def is_date(text: str) -> bool:
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def is_room(text: str) -> bool:
    return re.fullmatch(r"[a-z]+(/[a-z]+)?", text) is not None and (ROOT / text).is_dir()


def faults(name: str, text: str) -> list[str]:
    """What a record lacks of the template, in words."""
    file, head = NAME.fullmatch(name), HEAD.match(text)
    if file is None:
        return ["name of the file"]
    if head is None:
        return ["head: title, status, date, room"]
    number, _, status, date, room = head.groups()
    bad = []
    if number != file[1]:
        bad.append("number of the file in the title")
    newer = re.fullmatch(r"superseded by (\d{4})", status)
    if status != "accepted" and (newer is None or newer[1] == number or newer[1] not in numbers()):
        bad.append(f"status {status}")
    if not is_date(date):
        bad.append(f"date {date}")
    if not is_room(room):
        bad.append(f"room {room}")
    before, *parts = re.split(r"^## (.*)\n", text[head.end() :], flags=re.MULTILINE)
    if before or parts[::2] != HEADINGS:
        bad.append(f"headings {parts[::2]}")
    bad += [
        f"nothing under {heading}" for heading, part in zip(parts[::2], parts[1::2], strict=True) if not part.strip()
    ]
    return bad


def dead_links(text: str) -> list[str]:
    return [to for to in LINK.findall(text) if "://" not in to and not (FOLDER / to).exists()]


def listed(index: str) -> list[tuple[str, str, str]]:
    """The index as (room, what the link shows, file), in order."""
    found, room = [], ""
    for line in index.partition("## Index by room\n")[2].splitlines():
        if heading := re.fullmatch(r"### (\S+)", line):
            room = heading[1]
        elif entry := re.fullmatch(r"- \[(.*)\]\((\S+)\):", line):
            found.append((room, entry[1], entry[2]))
    return found


def expected() -> list[tuple[str, str, str]]:
    heads = {name: HEAD.match(text) for name, text in RECORDS.items()}
    return sorted((head[5], f"{head[1]} {head[2]}", name) for name, head in heads.items() if head)


def test_there_are_records() -> None:
    assert len(RECORDS) >= 68
    assert len(numbers()) == len(RECORDS), "a number is used twice"


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_has_the_templates_parts_in_order(name: str) -> None:
    assert faults(name, RECORDS[name]) == []
    assert dead_links(RECORDS[name]) == []
    assert [line for line in RECORDS[name].splitlines() if len(line) > 120] == []


def test_the_index_lists_each_record_once_under_its_room() -> None:
    assert sorted(listed(INDEX)) == expected()
    assert dead_links(INDEX) == []


GOOD = """# 0001 Something

- Status: accepted
- Date: 2026-01-31
- Room: psi/group

## Context

One.

## Decision

Two.

## Consequences

Three.
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# 0001", "# 0002"),
        ("# 0001 ", "# 1. "),
        ("accepted", "proposed"),
        ("accepted", "superseded by 9999"),
        ("- Status: accepted\n", ""),
        ("2026-01-31", "20260131"),
        ("2026-01-31", "2026-02-30"),
        ("psi/group", "psi/nowhere"),
        ("psi/group", "psi/group, psi/store"),
        ("psi/group\n", "psi/group\n\nA paragraph before the first heading.\n"),
        ("Two.\n", ""),
        ("Three.\n", ""),
        ("## Decision", "## Why"),
        ("## Decision\n\nTwo.\n\n", ""),
        ("## Context\n\nOne.\n\n## Decision\n\nTwo.", "## Decision\n\nTwo.\n\n## Context\n\nOne."),
        ("Three.\n", "Three.\n\n## Notes\n\nFour.\n"),
    ],
)
def test_a_broken_record_would_be_seen(old: str, new: str) -> None:
    assert faults("0001-something.md", GOOD) == []
    assert old in GOOD
    assert faults("0001-something.md", GOOD.replace(old, new)) != []


def test_a_broken_index_would_be_seen() -> None:
    (first, *_), lines = expected(), INDEX.splitlines()
    entry = f"- [{first[1]}]({first[2]}):"
    assert entry in lines
    missing = "\n".join(line for line in lines if line != entry)
    for broken in (missing, f"{INDEX}{entry}\n", f"{missing}\n### nowhere\n\n{entry}\n"):
        assert sorted(listed(broken)) != expected()
    assert dead_links("[x](0000-nothing.md) [y](../nothing.md#part) [z](https://example.com)") == [
        "0000-nothing.md",
        "../nothing.md",
    ]
