"""Options and files at the last allowed size and the first refused one."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.mpc import options
from cli.mpc.command import parse_modulus
from cli.mpc.options import read_lines
from psiselect.base.errors import InputError, UsageError
from psiselect.sums import numbers
from psiselect.tables import Table


def test_moduli_as_text() -> None:
    assert [parse_modulus(t) for t in ("2^64", "2^0", "17", "0", "2^1024", "2^99999")] == [
        1 << 64, 1, 17, 0, 1 << 1024, 1 << 1024,
    ]  # fmt: skip
    assert parse_modulus("9" * 160) == int("9" * 160)
    for bad in ("9" * 161, "3^4", "2^", "^4", "2^-1", "-5", "0x10", "2^2^2", "", "1e3", "\u0663"):
        with pytest.raises(UsageError):
            parse_modulus(bad)


def test_a_file_has_at_most_so_many_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "MAX_LENGTH", 3)
    file = tmp_path / "lines.txt"
    file.write_text("a\nb\nc\n")
    assert read_lines(file, "a name") == ["a", "b", "c"]
    for text in ("a\nb\nc\nd\n", ""):
        file.write_text(text)
        with pytest.raises(InputError, match="must have 1 to 3"):
            read_lines(file, "a name")


def test_a_table_has_at_most_so_many_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "MAX_LENGTH", 3)
    file = tmp_path / "numbers.txt"
    table = Table(file, None)
    file.write_text("1\n2\n3\n")
    assert numbers.read_numbers(table, None) == [1, 2, 3]
    file.write_text("1\n2\n3\n4\n")
    with pytest.raises(InputError, match="more than 3 numbers"):
        numbers.read_numbers(Table(file, None), None)
