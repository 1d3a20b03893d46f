"""Builds the documentation site: `make docs-site`.

The pages are the Markdown files of the project's root, of docs/ and of bench/results/, with their pictures. They keep
their places to each other, so that one link is right in the repository and on the site.
"""

from __future__ import annotations

import logging
import shutil
import sys
from pathlib import Path

from mkdocs.commands.build import build
from mkdocs.config import load_config

ROOT = Path(__file__).resolve().parent.parent
GATHERED = ROOT / "build" / "pages"  # mkdocs.yml has it as docs_dir
PAGES = ("*.md", "docs/**/*.md", "docs/**/*.svg", "docs/**/*.ipynb", "bench/results/*.md", "bench/results/*.svg")
LINKED = ("packaging/**/*.*", "compose.yaml", "tests/mutants/README.md")  # what pages link to


def gather(place: Path) -> None:
    """Copy the pages to this folder, which is emptied before."""
    shutil.rmtree(place, ignore_errors=True)
    for pattern in (*PAGES, *LINKED):
        for page in ROOT.glob(pattern):
            copy = place / page.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(page, copy)


def main() -> None:
    """Build the site. Exits with 1 when a page or a link is missing."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    gather(GATHERED)
    config = load_config(str(ROOT / "mkdocs.yml"), strict=True)
    build(config)
    print(f"the site is in {Path(config.site_dir).relative_to(ROOT)}/index.html", file=sys.stderr)


if __name__ == "__main__":
    main()
