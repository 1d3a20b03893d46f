"""An address that cannot be is refused before anything else is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.psi import group as psi

NOTHING = ("--identity", "nobody", "--peer", "nobody.crt", "--input", "nothing.csv", "--key", "email:email")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["connect", "a..b:7001"], "'a..b' cannot be the name of a machine"),
        (["connect", "acme.example:0"], "has port 0, on which no program can listen"),
        (["connect", "[::1]:0"], "has port 0, on which no program can listen"),
        (["connect", "acme.example"], "write HOST:PORT"),
        (["listen", "--address", "300.0.0.1:7001"], "not an IPv4 address"),
        (["listen", "--address", "[fe80::1%]:7001"], "not an IPv6 address"),
    ],
)
def test_an_impossible_address_comes_before_all_else(
    options: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(psi.command, [*options, *NOTHING])
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert words in " ".join(ended.stderr.split())


@pytest.mark.parametrize("options", [["connect", "[fe80::1%br-lan]:7001"], ["listen", "--address", "[::1]:0"]])
def test_a_possible_one_is_passed_on(options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next thing that is looked at is the identity."""
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(psi.command, [*options, *NOTHING])
    assert "nobody" in str(ended.exception)
    assert "address" not in str(ended.exception)
