"""Lines on stderr that are broken between words where a terminal is too narrow."""

from __future__ import annotations

import os
import sys
import textwrap


def wrapped(text: str) -> str:
    """Text for stderr: on a terminal, broken between words where a line is full; elsewhere one line, as it is."""
    if sys.stderr is None or not sys.stderr.isatty():
        return text
    try:
        width = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        return text
    if not 0 < width < len(text):
        return text
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)
