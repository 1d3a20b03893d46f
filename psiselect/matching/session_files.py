"""Files of a listener that keeps running: each session has its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from psi.accounts.session_file import SESSION_FIELD
from psiselect.matching import words
from psiselect.matching.given import GivenOptions


def for_sessions(given: GivenOptions) -> GivenOptions:
    """The options of a listener that keeps running: names of files are each session's own. Raises UsageError."""
    if given.resume:
        raise words.serve_does_not_resume()
    return replace(
        given,
        output=_named("--output", given.output, ".csv"),
        record=_named("--record", given.record, ".json"),
    )


def _named(option: str, path: Path | str | None, ending: str) -> Path | None:
    """A folder becomes a pattern in it. Raises UsageError for one file that all sessions would write."""
    if path is None:
        return None
    if isinstance(path, str):
        raise words.serve_writes_here(option)
    if path.is_dir():
        return path / f"{SESSION_FIELD}{ending}"
    if SESSION_FIELD not in path.name:
        such_as = path.with_name(f"{path.stem}-{SESSION_FIELD}{path.suffix or ending}")
        raise words.a_file_for_each_session(option, path, SESSION_FIELD, such_as)
    return path
