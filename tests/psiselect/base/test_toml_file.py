"""TOML files that people write, and what editors do to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from psiselect.base import toml_file
from psiselect.base.errors import InputError


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b'\xef\xbb\xbfcity = "K\xc3\xb6ln"\n')
    assert toml_file.load(path, "policy") == {"city": "Köln"}


def test_the_largest_file_is_read_and_the_next_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b"a = 1\n".ljust(toml_file.MAX_BYTES, b"#"))
    assert toml_file.load(path, "policy") == {"a": 1}
    path.write_bytes(b"a = 1\n".ljust(toml_file.MAX_BYTES + 1, b"#"))
    with pytest.raises(
        InputError, match=r"a\.toml' is too large to be a policy. The file must have at most 1,048,576 bytes"
    ):
        toml_file.load(path, "policy")


@pytest.mark.parametrize(
    ("content", "remedy"),
    [
        (b"a = ", "A value is missing or wrong"),
        (b"a = 1\na = 2", "The file sets the same name twice"),
        (b"[a]\n[a]", r"The same line in brackets \[ \] occurs twice"),
        (b"a = '\xff'", "The file is not UTF-8 text"),
        (b"\xff\xfea\0=\0", "The file is not UTF-8 text"),
        (b"a = " + b"[" * 5000, "The file has too many brackets"),
        (b"[a", "Correct the file"),
    ],
)
def test_what_is_no_toml_is_refused(tmp_path: Path, content: bytes, remedy: str) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.toml' is not a valid TOML file\. " + remedy + r".* \(technical detail: "):
        toml_file.load(path, "policy")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read the policy .*none\.toml': No such file"):
        toml_file.load(tmp_path / "none.toml", "policy")
