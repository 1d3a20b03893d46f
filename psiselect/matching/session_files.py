"""Files of a listener that stays up: each session has its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from psi.accounts.session_file import SESSION_FIELD
from psiselect.base.errors import UsageError
from psiselect.matching.given import GivenOptions


def for_sessions(given: GivenOptions) -> GivenOptions:
    """The options of a listener that stays up: names of files are each session's own. Raises UsageError."""
    if given.resume:
        raise UsageError("--serve keeps no sessions; leave out --resume, or listen for one session", term="resume")
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
        raise UsageError(f"{option}: --serve writes to files of this machine; name a folder", term="output")
    if path.is_dir():
        return path / f"{SESSION_FIELD}{ending}"
    if SESSION_FIELD not in path.name:
        raise UsageError(
            f"{option} {path}: with --serve, name a folder that exists, or a file with {SESSION_FIELD} in its name, "
            f"such as {path.with_name(f'{path.stem}-{SESSION_FIELD}{path.suffix or ending}')}"
        )
    return path
