"""What `python -m build` makes: a wheel with every file of the packages, a source distribution with tests and docs.

The soak tests install the wheel with each Python that is here, and run the commands outside the checkout. To have
several under pyenv: `PYENV_VERSION=3.11.7:3.12.1:3.13.0 make soak`.
"""

from __future__ import annotations

import email
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.checkout import ROOT

PACKAGES = ("cli", "dpselect", "mpc", "psi", "psiselect")
FOLDERS = (*PACKAGES, "bench", "docs", "packaging", "tests")
FILES = {
    "CHANGELOG.md", "CONTRIBUTING.md", "Dockerfile", "LICENSE", "MANIFEST.in", "Makefile", "README.md", "SECURITY.md",
    ".dockerignore", "compose.yaml", "pyproject.toml",
}  # fmt: skip
# What lies in a checkout and does not belong to it.
_LEFT = shutil.ignore_patterns("__pycache__", ".[!d]*", "*.egg-info", "build", "dist", "parties")
PYTHONS = tuple(f"python3.{minor}" for minor in range(11, 16))
MOST_BYTES = 500 << 20


def outside() -> dict[str, str]:
    """The environment of a process that must not see this checkout."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def files_in(folder: Path, *names: str) -> set[str]:
    """The paths of all files under the folders `names` of `folder`."""
    found = (path for name in names for path in (folder / name).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in found}


def built(tree: Path, out: Path, kind: str) -> Path:
    """The wheel or sdist of a tree, built with what is installed, without the network."""
    command = [sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", str(out), str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=outside())
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = out.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return path


def copied(place: Path) -> Path:
    """A copy of the checkout, since building writes into it."""
    return Path(shutil.copytree(ROOT, place, ignore=_LEFT))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return copied(tmp_path / "tree")


def test_the_wheel_has_every_file_of_the_packages_and_no_others(tree: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(built(tree, tmp_path / "out", "wheel")) as wheel:
        own = {name for name in wheel.namelist() if ".dist-info/" not in name}
        (info,) = {name.split("/")[0] for name in wheel.namelist()} - set(PACKAGES)
        metadata = email.message_from_bytes(wheel.read(f"{info}/METADATA"))
        assert wheel.read(f"{info}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
        assert "psiselect = cli.main:run" in wheel.read(f"{info}/entry_points.txt").decode()
    assert own == files_in(tree, *PACKAGES)
    assert {
        "cli/advisor/words.toml",
        "cli/advisor/examples.json",
        "cli/advisor/page.md",
        "cli/advisor/reference.md",
        "psiselect/py.typed",
    } <= own
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert metadata["Requires-Python"] == settings["requires-python"] == ">=3.11"
    assert set(metadata.get_all("Provides-Extra", [])) == set(settings["optional-dependencies"])


def test_the_source_distribution_has_tests_docs_and_licence(tree: Path, tmp_path: Path) -> None:
    with tarfile.open(built(tree, tmp_path / "out", "sdist")) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    assert {name for name in names if name.split("/")[0] in FOLDERS} == files_in(tree, *FOLDERS)
    assert names >= FILES


def test_the_core_needs_no_scipy_and_one_telephone_library() -> None:
    """scipy takes 143 MB. The two telephone libraries are one package, which only one distribution may own."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    core = {line.split(">=")[0] for line in settings["dependencies"]}
    extras = {line.split(">=")[0] for lines in settings["optional-dependencies"].values() for line in lines}
    assert core & {"dp-accounting", "scipy", "phonenumbers"} == set()
    assert {"llvmlite", "numpy", "phonenumberslite", "pyarrow"} <= core
    assert "phonenumbers" not in extras
    assert settings["optional-dependencies"]["accounting"] == ["dp-accounting>=0.6"]


# ---- outside the checkout


@dataclass(frozen=True)
class Installed:
    """A new virtual environment with the wheel, and an empty folder to work in."""

    place: Path
    folder: Path

    def run(self, *arguments: str, code: int = 0) -> str:
        """The command's standard output, or its standard error where it is to fail."""
        command = [str(self.place / "bin" / "psiselect"), *arguments]
        done = subprocess.run(command, cwd=self.folder, env=outside(), capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr


@pytest.fixture(scope="module", params=PYTHONS)
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    python = str(request.param)
    if shutil.which(python) is None or subprocess.run([python, "-V"], capture_output=True, check=False).returncode:
        pytest.skip(f"{python} is not here")
    place = tmp_path_factory.mktemp(python)
    wheel = built(copied(place / "tree"), place / "out", "wheel")
    subprocess.run([python, "-m", "venv", place / "venv"], check=True)
    install = [place / "venv" / "bin" / "python", "-m", "pip", "install", "-q", wheel]
    subprocess.run(install, check=True, env=outside())
    (place / "elsewhere").mkdir()
    yield Installed(place / "venv", place / "elsewhere")
    shutil.rmtree(place / "venv")


@pytest.mark.soak
def test_the_wheel_works_outside_the_checkout(installed: Installed) -> None:
    run, folder = installed.run, installed.folder
    assert "0.1.0" in run("--version")
    run("demo", "--out", "files")
    lists = ("files/acme_customers.csv", "files/globex_members.parquet")
    keys = ("--key", "email:email,plus=drop", "--key-b", "contact_mail:email,plus=drop")
    assert json.loads(run("psi", "local", *lists, *keys, "--json"))["matches"] == 996
    (folder / "ballots.csv").write_text("Ann,Bob\n" + "1,0\n" * 20)
    vote = run("vote", "winner", "ballots.csv", "--epsilon", "60", "--neighbors", "add-remove", "--json")
    assert json.loads(vote)["winners"] == ["Ann"]
    count = run("release", "count", "ballots.csv", "--epsilon", "60", "--neighbors", "add-remove", "--json")
    assert json.loads(count)["value"] == 20
    advice = run("advise", "--example", "A09", "--report", "vote.html", "--no-ask", "--json")
    assert json.loads(advice)["primary"] == "DP_EXP"
    assert "</html>" in (folder / "vote.html").read_text()
    run("budget", "create", "town.db", "--epsilon", "9", "--neighbors", "add-remove")
    words = "--epsilon 1 --neighbors add-remove --ledger town.db --dataset town"
    for _ in range(2):  # of one release alone no smaller total is sought
        run("release", "count", "ballots.csv", *words.split())
    refused = run("budget", "show", "town.db", "--delta", "1e-6", code=2)
    assert "pip install 'psiselect[accounting]'" in refused


@pytest.mark.soak
def test_the_core_takes_less_than_500_megabytes(installed: Installed) -> None:
    """Without pip, which the environment brings."""
    (packages,) = installed.place.glob("lib/python3*/site-packages")
    tools = {"pip", "setuptools", "pkg_resources", "_distutils_hack"}
    files = (path for path in packages.rglob("*") if path.relative_to(packages).parts[0].split("-")[0] not in tools)
    assert sum(path.stat().st_blocks * 512 for path in files if not path.is_symlink()) < MOST_BYTES


@pytest.mark.soak
def test_the_source_distribution_gives_the_same_wheel_and_its_tests_run(tree: Path, tmp_path: Path) -> None:
    with tarfile.open(built(tree, tmp_path / "out", "sdist")) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.glob("psiselect-*")
    wheels = [built(place, tmp_path / name, "wheel") for place, name in ((unpacked, "one"), (tree, "other"))]
    contents = [{entry.filename: entry.CRC for entry in zipfile.ZipFile(wheel).infolist()} for wheel in wheels]
    record = next(name for name in contents[0] if name.endswith("/RECORD"))
    assert contents[0].pop(record)
    assert contents[1].pop(record)
    assert contents[0] == contents[1]
    chosen = ("tests/psiselect/test_errors.py", "tests/test_decisions.py", "tests/cli/test_main.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *chosen],
        cwd=unpacked,
        env=outside(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
