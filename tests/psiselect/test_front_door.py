"""`import psiselect` and `python -m psiselect`."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import inspect
import subprocess
import sys

import pytest
from support.checkout import ROOT

import psiselect
import psiselect.base.errors


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT, check=False)


def test_importing_it_loads_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import psiselect; print(*sorted(set(sys.modules) - before))"
    loaded = run("-c", code).stdout.split()
    assert "psiselect" in loaded
    rooms = ("psi", "dpselect", "mpc", "cli", "numpy", "pyarrow", "cryptography", "click", "psiselect.base")
    assert [name for name in loaded if name.startswith(rooms) and name != "psiselect"] == []


def test_names_are_there_when_they_are_used() -> None:
    for name in psiselect.__all__:
        assert getattr(psiselect, name) is getattr(psiselect, name)
    assert psiselect.InputError is psiselect.base.errors.InputError
    assert set(psiselect.__all__) <= set(dir(psiselect))


def test_every_error_of_the_tree_is_exported() -> None:
    tree = {name for name, kind in vars(psiselect.base.errors).items() if isinstance(kind, type)}
    assert tree <= set(psiselect.__all__)
    assert all(issubclass(getattr(psiselect, name), psiselect.PsiselectError) for name in tree)


def test_there_are_at_most_twenty_names_beside_results_and_errors() -> None:
    public = {name: getattr(psiselect, name) for name in psiselect.__all__ if not name.startswith("_")}
    results = {name for name, found in public.items() if inspect.isclass(found) and name not in ("Identity", "Ledger")}
    assert len(public.keys() - results) == 20


def test_other_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        psiselect.nonsense  # noqa: B018


def test_the_version_is_the_distribution_s() -> None:
    assert psiselect.__version__ == importlib.metadata.version("psiselect")


def test_it_says_that_it_is_typed() -> None:
    assert (importlib.resources.files("psiselect") / "py.typed").is_file()


def test_run_as_a_module_it_is_the_command() -> None:
    shown = run("-m", "psiselect", "--version")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert psiselect.__version__ in shown.stdout
    refused = run("-m", "psiselect", "psi", "estimate", "--own", "1")
    assert refused.returncode == 2
