"""docs/install.md: the extras that there are, with the room that they take here, and names that are the image's."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from collections.abc import Iterable

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support.checkout import ROOT

PAGE = (ROOT / "docs" / "install.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
FOR_DEVELOPERS = {"browser", "docs", "bench", "check", "engines", "test"}
ROWS = {name: int(size) for name, size in re.findall(r"^\| `(\w+)` \| (\d+) \| ", PAGE, flags=re.MULTILINE)}


def needed(lines: Iterable[str]) -> set[str]:
    """The distributions that requirements bring, with what these need."""
    found: set[tuple[str, frozenset[str]]] = set()
    todo = [Requirement(line) for line in lines]
    while todo:
        one = todo.pop()
        key = (canonicalize_name(one.name), frozenset(one.extras))
        if key in found:
            continue
        found.add(key)
        for line in importlib.metadata.requires(one.name) or []:
            part = Requirement(line)
            if part.marker is None or any(part.marker.evaluate({"extra": extra}) for extra in (one.extras or {""})):
                todo.append(part)
    return {name for name, _ in found}


def megabytes(distributions: Iterable[str]) -> float:
    """What the files of installed distributions take on disk, in blocks of 4 KiB."""
    places = [file.locate() for name in distributions for file in importlib.metadata.files(name) or []]
    sizes = [place.stat().st_size for place in places if place.is_file()]  # type: ignore[attr-defined]
    return sum(-(-size // 4096) * 4096 for size in sizes) / (1 << 20)


def test_the_table_lists_every_extra_of_a_user() -> None:
    assert ROWS.keys() == EXTRAS.keys() - FOR_DEVELOPERS
    for named in re.findall(r"pip(?:x)? install [^`\n]*\[([\w,]+)\]", PAGE):
        assert set(named.split(",")) <= ROWS.keys()


def test_the_core_takes_less_than_500_megabytes_here() -> None:
    core = needed(PROJECT["dependencies"])
    assert {"numpy", "pyarrow", "llvmlite", "phonenumberslite", "cffi"} <= core
    assert core & {"scipy", "dp-accounting"} == set()
    own = sum(path.stat().st_size for name in ("cli", "dpselect", "mpc", "psi", "psiselect")
              for path in (ROOT / name).rglob("*.py")) / (1 << 20)  # fmt: skip
    assert 300 < megabytes(core) + 3 * own < 500  # with what Python compiles from them


@pytest.mark.parametrize(("extra", "size"), ROWS.items())
def test_an_extra_takes_about_as_much_as_the_table_says(extra: str, size: int) -> None:
    """Within a factor of two, since libraries grow."""
    try:
        all_of_it = needed(EXTRAS[extra])
    except importlib.metadata.PackageNotFoundError as missing:
        if extra not in ("sail", "spark"):
            raise
        pytest.skip(f"{missing.name} is not installed: engines are in no extra of all tests, and exclude each other")
    here = megabytes(all_of_it - needed(PROJECT["dependencies"]))
    assert here / 2 - 1 < size < 2 * here + 1


def test_the_page_names_the_image_the_wheel_and_its_folders() -> None:
    version, dockerfile = PROJECT["version"], (ROOT / "Dockerfile").read_text()
    assert f"dist/psiselect-{version}-py3-none-any.whl" in PAGE
    assert set(re.findall(r"psiselect:[\d.]+", PAGE)) == {f"psiselect:{version}"}
    for folder in re.findall(r"^\| `(/[\w/]+)` \|", PAGE, flags=re.MULTILINE):
        assert folder in dockerfile
    assert f"Python {PROJECT['requires-python'].removeprefix('>=')} or later" in PAGE
