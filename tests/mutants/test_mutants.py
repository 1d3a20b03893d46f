"""The planted faults apply to today's code and name tests that exist; each is caught (soak)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.mutants import FOLDER, ROOT, Mutant, all_mutants, caught, copy_of_the_tree, run_tests

MUTANTS = all_mutants()
IDS = [mutant.name for mutant in MUTANTS]


def functions(path: Path) -> set[str]:
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            names.update(f"{node.name}::{part.name}" for part in node.body if isinstance(part, ast.FunctionDef))
        elif isinstance(node, ast.FunctionDef):
            names.add(node.name)
    return names


@pytest.mark.parametrize("mutant", MUTANTS, ids=IDS)
def test_every_patch_applies_and_names_tests_that_exist(mutant: Mutant, tmp_path: Path) -> None:
    for change in mutant.changes:
        copy = tmp_path / change.path
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((ROOT / change.path).read_bytes())
        change.apply(tmp_path)
        assert change.path.split("/")[0] != "tests"
    for test in mutant.tests:
        path, _, name = test.partition("::")
        assert name.partition("[")[0] in functions(ROOT / path), test


def test_every_kind_has_planted_faults_and_the_page_names_it() -> None:
    page = (FOLDER / "README.md").read_text()
    assert {mutant.kind for mutant in MUTANTS} == set(range(1, 16))
    assert all(f"\n{kind}. " in page for kind in range(1, 16))
    assert len(MUTANTS) >= 120
    assert len({mutant.fault for mutant in MUTANTS}) == len(MUTANTS)


@pytest.fixture(scope="module")
def tree() -> Iterator[Path]:
    with copy_of_the_tree() as root:
        yield root


@pytest.mark.soak
def test_the_named_tests_pass_without_a_fault(tree: Path) -> None:
    assert run_tests(tree, sorted({test for mutant in MUTANTS for test in mutant.tests})) == 0


@pytest.mark.soak
@pytest.mark.parametrize("mutant", MUTANTS, ids=IDS)
def test_every_planted_fault_is_caught(mutant: Mutant, tree: Path) -> None:
    assert caught(mutant, tree), mutant.fault
