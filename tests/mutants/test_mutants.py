"""The planted faults apply to today's code and name tests that exist; each is caught (soak)."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.mutants import FOLDER, ROOT, Mutant, all_mutants

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
def ends(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """How each chosen fault ended. A process of its own plants them: this one has imported the product."""
    results = tmp_path_factory.mktemp("mutants") / "results.jsonl"
    chosen = [item.callspec.params["mutant"].name for item in request.session.items if "ends" in item.fixturenames]
    command = [sys.executable, ROOT / "tests/support/mutants.py", "--results", results, *chosen]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    return {said["fault"]: said["ended"] for said in map(json.loads, results.read_text().splitlines())}


@pytest.mark.soak
@pytest.mark.parametrize("mutant", MUTANTS, ids=IDS)
def test_every_planted_fault_is_caught(mutant: Mutant, ends: dict[str, str]) -> None:
    if ends[mutant.name] == "skipped":
        pytest.skip("a test that might notice was skipped: something is not installed")
    assert ends[mutant.name] == "caught", mutant.fault
