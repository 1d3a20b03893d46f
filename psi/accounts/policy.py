"""What one side allows, as a TOML file: which peers, modes, columns, sizes, and how many sessions in a period.

A policy is private: it is no term, and the peer of a refused session hears only that it was refused. It says
everything: each field stands for all peers or for each, none but `ledger`, `min_matches_by`, `protocols` and `state`
may be left out, and a name that is not known is an error. How sessions are counted is in
`psi.accounts.session_counter`; the fields are described in docs/policy.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Self

from psi.accounts import words
from psi.agreement.modes import Comparer, Reveal, SessionProtocol
from psiselect.base import toml_file
from psiselect.base.errors import PolicyError

_MAX_COUNT = 1_000_000
_MAX_SIZE = 1 << 40
_UNITS = {"h": 3600, "d": 86_400, "w": 604_800}
_PERIOD = re.compile(r"([1-9][0-9]{0,3})([hdw])", re.ASCII)
_FINGERPRINT = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many sessions in any stretch of `seconds`; `per` is the same as written."""

    count: int
    seconds: int
    per: str


@dataclass(frozen=True, slots=True)
class Charge:
    """Which budget pays for noisy sessions: a ledger's file, relative to the policy's folder, and the data set in
    it."""

    file: str
    dataset: str


@dataclass(frozen=True, slots=True)
class PeerRules:
    """Which sessions one peer may have. Field names are the names in the file."""

    reveal: frozenset[Reveal]
    columns: frozenset[str]
    send_columns: frozenset[str]
    output_rows: bool
    max_own_size: int
    max_peer_size: int
    min_matches: int
    runs: Allowance
    ledger: Charge | None = None
    min_matches_by: Comparer | None = None
    protocols: frozenset[SessionProtocol] = frozenset((SessionProtocol.ECDH,))


@dataclass(frozen=True, slots=True)
class Request:
    """What this side is about to do. columns: of the keys and of values. send_columns: what the peer gets of each
    match. own_size: None as long as the table has not been read."""

    reveals: tuple[Reveal, ...]
    columns: tuple[str, ...]
    send_columns: tuple[str, ...]
    output_rows: bool
    min_matches: int | None
    own_size: int | None
    min_matches_by: Comparer = Comparer.LEARNER
    protocol: SessionProtocol = SessionProtocol.ECDH


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy file. state: where sessions are counted. peers: by fingerprint."""

    path: Path
    state: Path
    peers: dict[bytes, PeerRules]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a policy. Raises InputError with file and field."""
        path = Path(path)
        table = toml_file.load(path, "policy")
        try:
            return cls(path, _state(table, path), _peers(table))
        except _FieldError as error:
            raise words.wrong_field(path, error.name, error.problem) from None

    def rules(self, fingerprint: bytes) -> PeerRules:
        """The rules for a peer. Raises PolicyError for one that the policy does not name."""
        found = self.peers.get(fingerprint)
        if found is None:
            raise words.unknown_peer(self.path, fingerprint)
        return found

    def check(self, fingerprint: bytes, request: Request) -> None:
        """Raises PolicyError, naming the field, unless the peer may have the session as requested."""
        rules = self.rules(fingerprint)
        for reveal in request.reveals:
            if reveal not in rules.reveal:
                raise self._refusal("reveal", words.not_revealed(reveal.value))
        for column in request.columns:
            if column not in rules.columns:
                raise self._refusal("columns", words.KEY_COLUMN)
        for column in request.send_columns:
            if column not in rules.send_columns:
                raise self._refusal("send_columns", words.SENT_COLUMN)
        if request.output_rows and not rules.output_rows:
            raise self._refusal("output_rows", words.NO_ROWS)
        if (request.min_matches or 0) < rules.min_matches:
            raise self._refusal("min_matches", words.minimum(rules.min_matches))
        if rules.min_matches_by not in (None, request.min_matches_by):
            raise self._refusal(
                "min_matches_by",
                words.comparer(rules.min_matches_by.value),
            )
        if request.protocol not in rules.protocols:
            allowed = sorted(protocol.value for protocol in rules.protocols)
            raise self._refusal("protocols", words.only_protocols(allowed))
        if request.own_size is not None and request.own_size > rules.max_own_size:
            raise self._refusal("max_own_size", words.own_size(rules.max_own_size))

    def check_peer_size(self, fingerprint: bytes, size: int) -> None:
        """Raises PolicyError when the peer declares a longer list than it may."""
        most = self.rules(fingerprint).max_peer_size
        if size > most:
            raise self._refusal("max_peer_size", words.peer_size(most, size))

    def beside(self, name: str) -> Path:
        """A path as the policy writes it, relative to the policy's folder."""
        return _beside(self.path, name)

    def _refusal(self, name: str, problem: str) -> PolicyError:
        return words.refused(self.path, name, problem)


class _FieldError(Exception):
    """Carries a field's full name and what is wrong with it to `load`, which knows the file."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(name)
        self.name = name
        self.problem = problem


def _state(table: dict[str, Any], path: Path) -> Path:
    name = table.pop("state", f"{path.name}.runs")
    if not isinstance(name, str) or not name or "\0" in name:
        raise _FieldError("state", words.STATE)
    return _beside(path, name)


def _beside(path: Path, name: str) -> Path:
    return path.absolute().parent / name


def _peers(table: dict[str, Any]) -> dict[bytes, PeerRules]:
    tables = table.pop("peer", None)
    if not isinstance(tables, list) or not tables or not all(isinstance(peer, dict) for peer in tables):
        raise _FieldError("peer", words.NO_PEER)
    general = _rules(table, "")
    peers: dict[bytes, PeerRules] = {}
    for number, peer in enumerate(tables, start=1):
        where = f"peer {number}: "
        fingerprint = peer.pop("fingerprint", None)
        if not isinstance(fingerprint, str) or not _FINGERPRINT.fullmatch(fingerprint):
            raise _FieldError(f"{where}fingerprint", words.FINGERPRINT)
        if not isinstance(peer.pop("name", ""), str):
            raise _FieldError(f"{where}name", words.NAME)
        found = general | _rules(peer, where)
        for field in fields(PeerRules):
            if field.name not in found and field.default is MISSING:
                raise _FieldError(f"{where}{field.name}", words.FIELD_MISSING)
        if "ledger" in found and found["reveal"] != {Reveal.NOISY_COUNT}:
            raise _FieldError(f"{where}ledger", words.LEDGER_OF_NOISE)
        if bytes.fromhex(fingerprint) in peers:
            raise _FieldError(f"{where}fingerprint", words.NAMED_TWICE)
        peers[bytes.fromhex(fingerprint)] = PeerRules(**found)
    return peers


def _rules(table: dict[str, Any], where: str) -> dict[str, Any]:
    found = {}
    for name, value in table.items():
        parse = _PARSERS.get(name)
        if parse is None:
            raise _FieldError(f"{where}{name}", words.unknown_field(_PARSERS))
        found[name] = parse(value, f"{where}{name}")
    return found


def _texts(value: object, name: str, least: int = 1) -> list[str]:
    if not isinstance(value, list) or len(value) < least or not all(isinstance(text, str) for text in value):
        raise _FieldError(name, words.SOME_TEXTS if least else words.TEXTS)
    return value


def _reveal(value: object, name: str) -> frozenset[Reveal]:
    known = {reveal.value: reveal for reveal in Reveal}
    texts = _texts(value, name)
    if not known.keys() >= set(texts):
        raise _FieldError(name, words.modes(known))
    return frozenset(known[text] for text in texts)


def _protocols(value: object, name: str) -> frozenset[SessionProtocol]:
    known = {protocol.value: protocol for protocol in SessionProtocol}
    texts = _texts(value, name)
    if not known.keys() >= set(texts):
        raise _FieldError(name, words.protocols(known))
    return frozenset(known[text] for text in texts)


def _flag(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise _FieldError(name, words.FLAG)
    return value


def _size(value: object, name: str) -> int:
    if type(value) is not int or not 0 <= value <= _MAX_SIZE:
        raise _FieldError(name, words.whole_number(0, _MAX_SIZE))
    return value


def _runs(value: object, name: str) -> Allowance:
    if not isinstance(value, dict) or value.keys() != {"count", "per"}:
        raise _FieldError(name, words.RUNS)
    count, per = value["count"], value["per"]
    if type(count) is not int or not 1 <= count <= _MAX_COUNT:
        raise _FieldError(f"{name}.count", words.whole_number(1, _MAX_COUNT))
    found = _PERIOD.fullmatch(per) if isinstance(per, str) else None
    if found is None:
        raise _FieldError(f"{name}.per", words.PERIOD)
    return Allowance(count, int(found[1]) * _UNITS[found[2]], per)


def _comparer(value: object, name: str) -> Comparer:
    if value not in [who.value for who in Comparer]:
        raise _FieldError(name, words.COMPARER)
    return Comparer(value)


def _ledger(value: object, name: str) -> Charge:
    if not isinstance(value, dict) or value.keys() != {"file", "dataset"}:
        raise _FieldError(name, words.LEDGER)
    if not all(isinstance(text, str) and text and "\0" not in text for text in value.values()):
        raise _FieldError(name, words.LEDGER_TEXTS)
    return Charge(value["file"], value["dataset"])


_PARSERS: dict[str, Callable[[object, str], Any]] = {
    "reveal": _reveal,
    "columns": lambda value, name: frozenset(_texts(value, name)),
    "send_columns": lambda value, name: frozenset(_texts(value, name, least=0)),
    "output_rows": _flag,
    "max_own_size": _size,
    "max_peer_size": _size,
    "min_matches": _size,
    "min_matches_by": _comparer,
    "protocols": _protocols,
    "ledger": _ledger,
    "runs": _runs,
}
