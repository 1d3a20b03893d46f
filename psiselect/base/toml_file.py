"""TOML files that people write: policies, parties, configurations."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from psiselect.base import words

MAX_BYTES = 1 << 20


def load(path: Path, what: str) -> dict[str, Any]:
    """Read a file of at most `MAX_BYTES`; a byte order mark, which some editors put first, is skipped.

    what: what the file is, for people, such as "policy". Raises InputError, which names the file.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise words.unreadable(what, path, error.strerror) from None
    if len(content) > MAX_BYTES:
        raise words.too_large(what, path, MAX_BYTES)
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise words.not_toml(path, error) from None
