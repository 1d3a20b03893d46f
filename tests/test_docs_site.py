"""The documentation as a site: mkdocs.yml names each page once, and `make docs-site` loads nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
# Pages that are reached by links alone.
BESIDE = re.compile(r"CHANGELOG.md|docs/decisions/.*")


class Loader(yaml.SafeLoader):
    """Takes tags of Python objects, which mkdocs.yml needs, for what they hold."""


Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, _suffix, node: loader.construct_mapping(node))


def config() -> dict[str, Any]:
    found: dict[str, Any] = yaml.load((ROOT / "mkdocs.yml").read_text(), Loader)
    return found


def test_navigation_has_four_parts_and_each_page_once() -> None:
    parts = {name: pages for part in config()["nav"] for name, pages in part.items()}
    assert list(parts) == ["Start", "How to", "Explanation", "Reference"]
    named = [place for pages in parts.values() for page in pages for place in page.values()]
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench" / "results").glob("*.md")]
    places = [page.relative_to(ROOT).as_posix() for page in pages]
    assert sorted(named) == sorted(place for place in places if not BESIDE.fullmatch(place))


def test_no_font_and_no_drawing_is_loaded_from_elsewhere() -> None:
    assert config()["theme"]["font"] is False
    for page in (ROOT / "docs").rglob("*.md"):
        assert "```mermaid" not in page.read_text(), page  # the theme would load its script from a public host


@pytest.mark.soak
def test_the_site_builds_and_is_complete() -> None:
    pytest.importorskip("material", reason="needs psiselect[docs]")
    subprocess.run([sys.executable, ROOT / "docs" / "site.py"], check=True)
    site = ROOT / "build" / "site"
    for page in site.rglob("*.html"):
        loaded = re.findall(r'<(?:script|img|iframe)[^>]*src="([^"]*)"|<link[^>]*href="([^"]*)"', page.read_text())
        assert [place for pair in loaded for place in pair if "//" in place] == [], page
    for style in site.rglob("*.css"):
        assert "url(http" not in style.read_text(), style
    assert "psiselect psi connect" in (site / "search" / "search_index.json").read_text()
