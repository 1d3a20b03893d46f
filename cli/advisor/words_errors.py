"""Every error of this room that is not about one field; the sentences are in words.toml."""

from __future__ import annotations

from pathlib import Path

from cli.advisor.words import phrase
from psiselect.base.errors import InputError, PsiselectError, UsageError


def exists(file: Path, option: str, term: str) -> UsageError:
    return UsageError(phrase("conversation.save-exists", file=file, option=option), term=term)


def option(error: PsiselectError) -> UsageError:
    """error: what is wrong with a field, after its name in brackets."""
    why = str(error).removeprefix(f"[{error.term}] ")
    return UsageError(phrase("errors.option", field=error.term, error=why), term=error.term)


def no_example(name: str, known: str) -> UsageError:
    return UsageError(phrase("errors.no-example", name=repr(name), known=known), term="example")


def unreadable(file: Path, reason: str | None) -> InputError:
    return InputError(phrase("errors.unreadable", file=file, reason=reason))


def no_folder(folder: Path, reason: str | None) -> InputError:
    return InputError(phrase("errors.no-folder", folder=folder, reason=reason))


def too_long(file: Path, limit: int) -> InputError:
    return InputError(phrase("errors.too-long", file=file, limit=limit))


def malformed(file: Path, written: str, reason: object) -> InputError:
    return InputError(phrase("errors.malformed", file=file, format=written, reason=reason))


def no_fields(file: Path) -> InputError:
    return InputError(phrase("errors.no-fields", file=file))
