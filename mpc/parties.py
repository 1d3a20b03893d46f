"""Who takes part: `parties.toml`, one [[party]] a party, the same for everyone but for addresses.

    [[party]]
    name = "alice"
    address = "alice.example.org:9001"
    certificate = "alice.crt"        # path, relative to this file; pinned
    role = "both"                    # both (default), input or server

A party of role `input` brings a value, one of role `server` computes on shares, `both` does the two. Without servers
everyone talks to everyone; with two or more servers an input party talks to them only.
"""

from __future__ import annotations

import enum
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psi.identity.identity import PeerIdentity
from psi.transport.tls import Address
from psiselect.base import toml_file
from psiselect.base.errors import InputError, UsageError

MAX_PARTIES = 100
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_FIELDS = {"name", "address", "certificate", "role"}


class PartyRole(enum.Enum):
    """What a party does."""

    BOTH = "both"
    INPUT = "input"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class PartyEntry:
    """One line of the roster. `certificate` is DER; `address` is None when the party only connects."""

    name: str
    role: PartyRole
    certificate: bytes
    address: Address | None = None

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the DER certificate."""
        return hashlib.sha256(self.certificate).digest()

    @property
    def inputs(self) -> bool:
        """Whether it brings a value."""
        return self.role is not PartyRole.SERVER

    @property
    def computes(self) -> bool:
        """Whether it holds shares of the others' values."""
        return self.role is not PartyRole.INPUT


@dataclass(frozen=True, slots=True)
class PartyList:
    """All parties, in the order of the file, which everyone shares."""

    parties: tuple[PartyEntry, ...]

    def __post_init__(self) -> None:
        names = [p.name for p in self.parties]
        if not 2 <= len(names) <= MAX_PARTIES:
            raise UsageError(f"expected 2 to {MAX_PARTIES} parties, found {len(names)}", term="party")
        for values, what in ((names, "name"), ([p.certificate for p in self.parties], "certificate")):
            if len(set(values)) != len(values):
                raise UsageError(f"two parties have the same {what}; each needs its own", term=what)
        if len(self.computing) < 2:
            raise UsageError(
                "expected at least 2 parties that compute, since one alone would see every value; give another party "
                'role = "both" or "server"',
                term="role",
            )
        if not self.inputting:
            raise UsageError('no party brings a value; give a party role = "both" or "input"', term="role")

    def __getitem__(self, name: str) -> PartyEntry:
        for party in self.parties:
            if party.name == name:
                return party
        known = ", ".join(p.name for p in self.parties)
        raise UsageError(f"the parties file names no party {name!r}; it names {known}", term="party")

    @property
    def inputting(self) -> tuple[PartyEntry, ...]:
        """Parties that bring a value."""
        return tuple(p for p in self.parties if p.inputs)

    @property
    def computing(self) -> tuple[PartyEntry, ...]:
        """Parties that hold shares."""
        return tuple(p for p in self.parties if p.computes)

    def peers(self, name: str) -> tuple[PartyEntry, ...]:
        """Whom this party talks to: everyone if it computes, else those who compute."""
        me = self[name]
        return tuple(p for p in self.parties if p.name != name and (me.computes or p.computes))

    def listens(self, name: str, peer: str) -> bool:
        """Whether `name` is the one of the two that waits for the connection: the one that computes, and of two that
        do, the earlier in the file."""
        me, other = self[name], self[peer]
        if me.computes != other.computes:
            return me.computes
        return self.parties.index(me) < self.parties.index(other)


def load(path: Path) -> PartyList:
    """Read a parties file and the certificates it names. Raises InputError, naming file and entry."""
    table = toml_file.load(path, "parties file")
    entries = table.get("party")
    if set(table) != {"party"} or not isinstance(entries, list):
        raise InputError(f"{path}: expected a [[party]] for each party, and nothing else at the top of the file")
    roster = PartyList(tuple(_party(entry, f"{path}: party {i}", path.parent) for i, entry in enumerate(entries, 1)))
    for party in roster.parties:
        if party.address is None and any(roster.listens(party.name, peer.name) for peer in roster.peers(party.name)):
            raise InputError(f'{path}: {party.name} needs an address = "HOST:PORT", since others connect to it')
    return roster


def _party(entry: Any, where: str, folder: Path) -> PartyEntry:
    if not isinstance(entry, dict) or not all(isinstance(v, str) for v in entry.values()):
        raise InputError(f'{where}: expected a text in quotes for every field, such as name = "alice"')
    if unknown := set(entry) - _FIELDS:
        raise InputError(f"{where}: unknown field {sorted(unknown)[0]!r}; known: {', '.join(sorted(_FIELDS))}")
    for name in ("name", "certificate"):
        if name not in entry:
            raise InputError(f"{where}: '{name}' is missing; add it")
    if not _NAME.fullmatch(entry["name"]):
        raise InputError(
            f"{where}: 'name' is not usable; expected 1 to 40 letters, digits, dots, dashes or underscores"
        )
    try:
        role = PartyRole(entry.get("role", "both"))
    except ValueError:
        raise InputError(f'{where}: \'role\': expected "both", "input" or "server"') from None
    try:
        address = Address.parse(entry["address"]) if "address" in entry else None
        certificate = PeerIdentity.read(folder / entry["certificate"]).der
    except (UsageError, InputError) as error:
        raise InputError(f"{where}: {error}") from None
    return PartyEntry(entry["name"], role, certificate, address)
