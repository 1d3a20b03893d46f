"""The options of a session as they were given: typed, each one checked by itself, not yet with the others."""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from psi.agreement.modes import Comparer, Matching, Reveal
from psi.identity.identity import Identity, PeerIdentity
from psi.tables import ReadingOptions
from psiselect.matching import words_exchanges
from psiselect.tables import AnyTable, HeldTable, Table

# What the state of an offer holds of them (docs/offline.md). A file without a version is of version 1; a field that is
# added later needs a default, and then older files can still be read.
_VERSION = 1
_NOT_SAVED = frozenset(
    ("output", "columns", "record", "timeout", "as_json", "ledger", "dataset", "more_identities", "protocol")
)
# An older program finishes what was offered without these.
_SAVED_IF_SAID = frozenset(("engine", "master", "remote", "accept_plain_shuffle", "engine_workdir", "task_key"))


class LearnedBy(enum.Enum):
    """Who learns, as one side says it."""

    ME = "me"
    PEER = "peer"
    BOTH = "both"


@dataclass(frozen=True, kw_only=True)
class GivenOptions:
    """One field per option of `psi listen`, `connect`, `offer`, `answer` and `local`, named as click names it.

    What is left out here is not among the options of that command. A program may give a table, an identity and
    certificates that it holds in place of their names; source is None where such a table was for an earlier part of an
    exchange.
    """

    # The list.
    source: Path | str | HeldTable | None
    query: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    csv_escape: str | None = None
    header: bool | None = None
    header_lines: int | None = None
    sheet: str | None = None
    form: str | None = None
    keys: tuple[str, ...]
    value: str | None = None
    nulls: tuple[str, ...] = ()
    strict: bool = False
    # What both sides must agree on.
    matching: str
    reveal: str
    protocol: str = "ecdh"
    learn: str = "me"
    epsilon: str | None = None
    delta: str | None = None
    value_decimals: int | None = None
    value_max: str | None = None
    pad_to: int | None = None
    min_matches: int | None = None
    min_matches_by: str
    sent: tuple[str, ...] = ()
    received: tuple[str, ...] = ()
    label_bytes: int | None = None
    # Who takes part, and what they may.
    identity: Path | Identity = Path()
    more_identities: tuple[Path | Identity, ...] = ()  # what a listener's --identity names besides
    peers: tuple[Path | PeerIdentity, ...] = ()
    max_peer_size: int | None = None
    policy: Path | None = None
    ledger: Path | None = None
    dataset: str | None = None
    # What is left of it.
    output: Path | str | None = None  # text is an address
    columns: tuple[str, ...] | None = None
    audit: Path | None = None
    record: Path | None = None
    as_json: bool = False
    # What it runs with.
    memory_limit: int | None = None
    workdir: Path | None = None
    backend: str = "auto"
    threads: int | None = None
    timeout: float | None = None
    resume: bool = False
    # The engine that does the work, for an exchange by directories.
    engine: str | None = None
    master: str | None = None
    remote: str | None = None
    accept_plain_shuffle: bool = False
    engine_workdir: str | None = None
    task_key: Path | None = None

    @classmethod
    def take(cls, values: dict[str, Any]) -> Self:
        """Take these options out of what click gives a command."""
        if "identities" in values:  # a listener's, of which there is at least one
            values["identity"], *more = values.pop("identities")
            values["more_identities"] = tuple(more)
        return cls(**{item.name: values.pop(item.name) for item in fields(cls) if item.name in values})

    @property
    def reading(self) -> ReadingOptions:
        """What is said about the list. Raises UsageError."""
        return ReadingOptions.of(
            delimiter=self.delimiter,
            encoding=self.encoding,
            csv_escape=self.csv_escape,
            header=self.header,
            header_lines=self.header_lines,
            sheet=self.sheet,
            form=self.form,
        )

    @property
    def table(self) -> AnyTable:
        """The list, not open yet. Raises UsageError."""
        if isinstance(self.source, HeldTable):
            return self.source
        if self.source is None:
            raise words_exchanges.list_is_unknown()
        return Table(self.source, self.query, self.reading)

    def to_json(self) -> dict[str, Any]:
        """As kept in the state of an offer; paths are made absolute."""
        said = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in _NOT_SAVED}
        return {name: _plain(value) for name, value in said.items() if value or name not in _SAVED_IF_SAID}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        """The reverse of `to_json`. Raises ValueError for what no version up to this one has written."""
        if saved.get("version", _VERSION) != _VERSION:
            raise ValueError("another version")
        found = {name: _revived(value) for name, value in saved.items() if name != "version"}
        hints = typing.get_type_hints(cls)
        if not all(
            name in hints and name not in _NOT_SAVED and _fits(value, hints[name]) for name, value in found.items()
        ):
            raise ValueError("an option is unknown or has another type")
        try:
            made = cls(**found)
        except TypeError:
            raise ValueError("an option is missing") from None
        _ = Reveal(made.reveal), Matching(made.matching), Comparer(made.min_matches_by), LearnedBy(made.learn)
        return made


def _plain(value: Any) -> Any:
    if isinstance(value, Identity):
        value = value.certificate_path.with_suffix("")
    if isinstance(value, Path):
        return {"path": str(value.absolute())}
    if isinstance(value, HeldTable):
        return None
    return [_plain(item) for item in value if not isinstance(item, PeerIdentity)] if isinstance(value, tuple) else value


def _revived(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"path"} and isinstance(value["path"], str):
        return Path(value["path"])
    return tuple(_revived(item) for item in value) if isinstance(value, list) else value


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of the type of its field."""
    if isinstance(hint, types.UnionType):
        return any(_fits(value, one) for one in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        inner = typing.get_args(hint)[0]
        return isinstance(value, tuple) and all(_fits(item, inner) for item in value)
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
