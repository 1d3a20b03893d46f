"""What an exchange by files takes beside the options of a session: the engine that does the work, and its places."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypedDict

from psi.distributed.engines import EngineKind
from psi.tables.opening import is_address
from psiselect.arguments import flag_of, path_of
from psiselect.matching import asked
from psiselect.matching.asked import PathLike, SessionKeywords


class EngineKeywords(TypedDict, total=False):
    """Which engine does the work of an exchange by directories; docs/spark.md explains each.

    master, remote: where it is. engine_workdir: a folder or address for its working files. task_key: the file that
    opens secrets on its machines.
    """

    engine: Literal["spark", "sail"]
    master: str
    remote: str
    accept_plain_shuffle: bool
    engine_workdir: PathLike
    task_key: PathLike


class ExchangeKeywords(SessionKeywords, EngineKeywords, total=False):
    """All that an exchange by files takes beside its table, key and parties."""


def place(value: object, name: str) -> Path | str:
    """A path, or as text an address that an engine may open. Raises UsageError."""
    return value if isinstance(value, str) and is_address(value) else path_of(value, name)


def _place_text(value: object, name: str) -> str:
    return str(place(value, name))


# As `asked.OPTIONS`.
EXCHANGE: Mapping[str, tuple[str, Callable[[Any, str], Any]]] = {
    **asked.OPTIONS,
    "output": ("output", place),
    "engine": ("engine", asked.one_of(EngineKind)),
    "master": ("master", asked.text),
    "remote": ("remote", asked.text),
    "accept_plain_shuffle": ("accept_plain_shuffle", flag_of),
    "engine_workdir": ("engine_workdir", _place_text),
    "task_key": ("task_key", path_of),
}
