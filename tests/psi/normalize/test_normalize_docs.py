"""docs/normalization.md describes every rule, option and reason; the digests of its reference page are the code's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from psi.normalize import RULES, Reason

DOCS = Path(__file__).parents[3] / "docs"
TEXT = (DOCS / "normalization.md").read_text(encoding="utf-8")
REFERENCE = (DOCS / "normalization-reference.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", RULES)
def test_rule_is_published(name: str) -> None:
    rule = RULES[name].of({})
    section = re.search(rf"^### {name}\n(.*?)(?=^##)", TEXT, re.DOTALL | re.MULTILINE)
    assert section
    for option, default in rule.options().items():
        assert re.search(rf"^\| `{option}` \| `{default}`", section[1], re.MULTILINE), option
    assert f"| `{rule.describe()}` | `{rule.digest().hex()}` |" in REFERENCE


def test_reasons_are_published() -> None:
    assert all(f"`{reason}`" in TEXT for reason in Reason)
