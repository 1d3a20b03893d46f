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

from mpc import words
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
            raise words.party_count(len(names), MAX_PARTIES)
        for values, what in ((names, "name"), ([p.certificate for p in self.parties], "certificate")):
            if len(set(values)) != len(values):
                raise words.same_twice(what)
        if len(self.computing) < 2:
            raise words.one_computes()
        if not self.inputting:
            raise words.nobody_inputs()

    def __getitem__(self, name: str) -> PartyEntry:
        for party in self.parties:
            if party.name == name:
                return party
        raise words.no_party(name, (p.name for p in self.parties))

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
        raise words.not_only_parties(path)
    roster = PartyList(tuple(_party(entry, f"{path}: party {i}", path.parent) for i, entry in enumerate(entries, 1)))
    for party in roster.parties:
        if party.address is None and any(roster.listens(party.name, peer.name) for peer in roster.peers(party.name)):
            raise words.no_address(path, party.name)
    return roster


def _party(entry: Any, where: str, folder: Path) -> PartyEntry:
    if not isinstance(entry, dict) or not all(isinstance(v, str) for v in entry.values()):
        raise words.not_text(where)
    if unknown := set(entry) - _FIELDS:
        raise words.unknown_field(where, sorted(unknown)[0], sorted(_FIELDS))
    for name in ("name", "certificate"):
        if name not in entry:
            raise words.missing_field(where, name)
    if not _NAME.fullmatch(entry["name"]):
        raise words.unusable_name(where)
    try:
        role = PartyRole(entry.get("role", "both"))
    except ValueError:
        raise words.unknown_role(where) from None
    try:
        address = Address.parse(entry["address"]) if "address" in entry else None
        certificate = PeerIdentity.read(folder / entry["certificate"]).der
    except (UsageError, InputError) as error:
        raise words.in_entry(where, error) from None
    return PartyEntry(entry["name"], role, certificate, address)
