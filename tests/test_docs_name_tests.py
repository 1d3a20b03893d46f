"""Every test file or folder that a page or a comment of the program names is there, by its whole path."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.checkout import ROOT

ROOMS = ("psiselect", "psi", "dpselect", "mpc", "cli")
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(path for name in ROOMS for path in (ROOT / name).rglob("*.py")),
]


def named(text: str) -> set[str]:
    """The paths of tests in a text."""
    return set(re.findall(r"(?<![\w./-])(?:tests/[\w/-]+(?:\.\w+)?|(?:[\w-]+/)*test_\w+\.py)", text))


def missing(text: str) -> set[str]:
    return {path for path in named(text) if not (ROOT / path).exists()}


@pytest.mark.parametrize("page", sorted(path.relative_to(ROOT).as_posix() for path in PAGES if named(path.read_text())))
def test_named_tests_exist(page: str) -> None:
    assert missing((ROOT / page).read_text()) == set()


def test_a_path_that_is_not_there_would_be_seen() -> None:
    here = Path(__file__).relative_to(ROOT).as_posix()
    assert missing(f"`{here}`, tests/vectors/normalize/, tests/") == set()
    assert missing("`tests/no/test_x.py`, `test_rooms.py`; tests/vectors/none/.") == {
        "tests/no/test_x.py",
        "test_rooms.py",
        "tests/vectors/none/",
    }
