"""When two pieces of text are the same name: of candidates, categories and persons."""

from __future__ import annotations

import re
import unicodedata

_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")


def clean(name: str) -> str:
    """A name as compared: Unicode NFC, every space separator a plain space, no blanks around it."""
    if not name.isascii():
        name = _SPACES.sub(" ", unicodedata.normalize("NFC", name))
    return name.strip()
