"""Which engine carries out an exchange by directories, as the options say it, and what it cannot do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from psi.distributed.engines import EngineAddress, EngineKind
from psi.distributed.secret_files import TaskKey
from psi.tables.opening import is_address
from psiselect import words_arguments
from psiselect.matching import words_calls, words_exchanges
from psiselect.matching.given import GivenOptions

# Options that say how one machine works, by their names in `GivenOptions` and their usual values.
_ONE_MACHINE = {"backend": "auto", "threads": None, "memory_limit": None}
_FOR_ENGINES = ("master", "remote", "engine_workdir", "task_key")


@dataclass(frozen=True)
class EngineChoice:
    """An engine, and the places that its tasks share.

    Attributes:
        address: which session.
        workdir: a folder or address that all its machines read and write; None for one on this machine.
        task_key: opens secrets in tasks; None where tasks run on this machine.
    """

    address: EngineAddress
    workdir: str | None
    task_key: TaskKey | None

    @classmethod
    def of(cls, given: GivenOptions, session: Any = None) -> Self | None:
        """The engine that the options name, None for one machine. session: one that the caller has. Raises UsageError
        for options that make no sense together."""
        if given.engine is None and session is None:
            for name in _FOR_ENGINES:
                if getattr(given, name) is not None:
                    engines = words_exchanges.SPARK if name == "master" else words_exchanges.SPARK_OR_SAIL
                    raise words_exchanges.needs_engine(name.replace("_", "-"), engines, name)
            if given.accept_plain_shuffle:
                raise words_exchanges.needs_engine("accept-plain-shuffle", "sail", "accept_plain_shuffle")
            return None
        kind = EngineKind(given.engine) if given.engine is not None else _kind_of(session)
        address = EngineAddress(kind, given.master, given.remote, given.accept_plain_shuffle, session)
        address.check()
        _require_possible(given)
        if not address.here:
            _require_shared(given)
        return cls(address, given.engine_workdir, None if given.task_key is None else TaskKey(given.task_key))


def local_path(place: Path | str, option: str) -> Path:
    """A place of an exchange on one machine. Raises UsageError for an address."""
    if isinstance(place, str) and is_address(place):
        raise words_exchanges.address_needs_engine(option, place)
    return Path(place)


def _kind_of(session: Any) -> EngineKind:
    """Every Spark has a master, and Sail has none."""
    try:
        master = session.conf.get("spark.master", "")
    except AttributeError:
        raise words_arguments.wrong("session", words_calls.A_SESSION, session) from None
    return EngineKind.SPARK if master else EngineKind.SAIL


def _require_possible(given: GivenOptions) -> None:
    for name, usual in _ONE_MACHINE.items():
        if getattr(given, name) != usual:
            raise words_exchanges.not_for_engines(name.replace("_", "-"), name)
    if given.query is not None:
        raise words_exchanges.no_query()


def _require_shared(given: GivenOptions) -> None:
    """An engine on other machines sees neither this machine's disk nor its files of secrets."""
    if given.engine_workdir is None:
        raise words_exchanges.no_shared_workdir()
    if given.task_key is None:
        raise words_exchanges.no_task_key()
