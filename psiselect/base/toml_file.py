"""TOML files that people write: policies, parties, configurations."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from psiselect.base.errors import InputError

MAX_BYTES = 1 << 20


def load(path: Path, what: str) -> dict[str, Any]:
    """Read a file of at most `MAX_BYTES`; a byte order mark, which some editors put first, is skipped.

    what: what the file is, for people, such as "policy". Raises InputError, which names the file.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read the {what} {path}: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise InputError(f"{path}: too large for a {what}, which has at most {MAX_BYTES:,} bytes")
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not TOML: {error}") from None
