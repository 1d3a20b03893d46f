"""Exchanges by files that wait for the partner's answer. Each has a folder, 0700, in the page's own folder."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from psi.identity.identity import PeerIdentity
from psi.normalize import parse_key
from psi.offline.state import OfferState
from psiselect.base.atomic import reported
from psiselect.base.errors import PsiselectError
from psiselect.ui.folder import Folder


@dataclass(frozen=True)
class Exchange:
    """One that has begun. place: its folder."""

    place: Path

    @property
    def name(self) -> str:
        """Its name in addresses."""
        return self.place.name

    @property
    def offer(self) -> Path:
        """The file for the partner, which may be sent again."""
        return self.place / "offer.psi"

    @property
    def state(self) -> Path:
        """What is secret until the answer is here."""
        return self.place / "offer.state"

    @property
    def certificate(self) -> Path:
        """The partner's, as it was compared."""
        return self.place / "partner.crt"

    @property
    def peer(self) -> PeerIdentity:
        """The partner. Raises InputError."""
        return PeerIdentity.read(self.certificate)

    @property
    def begun(self) -> str:
        """When the offer was made, in UTC. Raises InputError."""
        return datetime.fromtimestamp(OfferState.load(self.state).time, UTC).strftime("%Y-%m-%d %H:%M")

    @property
    def gives_rows(self) -> bool:
        """Whether the result is which rows match. Raises InputError."""
        return OfferState.load(self.state).options.get("reveal") == "matches"

    @property
    def columns(self) -> list[str]:
        """The columns of the own list that are compared. Raises InputError."""
        keys = OfferState.load(self.state).options.get("keys", [])
        return [column for key in keys for column in parse_key(key).columns]

    @property
    def gone(self) -> bool:
        """Whether it was finished or given up."""
        return not self.place.exists()

    def forget(self) -> None:
        """Remove all of it, the secret first."""
        self.state.unlink(missing_ok=True)
        shutil.rmtree(self.place, ignore_errors=True)


@contextlib.contextmanager
def beginning(folder: Folder, peer: PeerIdentity) -> Iterator[Exchange]:
    """A new exchange, which goes again when the block fails. Raises InputError, OutputError."""
    within = folder.exchanges()
    with reported(within):
        made = Exchange(Path(tempfile.mkdtemp(prefix="exchange-", dir=within)))
    try:
        with reported(made.certificate):
            made.certificate.write_text(peer.pem, "ascii")
        yield made
    except BaseException:
        made.forget()
        raise


@contextlib.contextmanager
def finishing(exchange: Exchange) -> Iterator[None]:
    """Afterwards the exchange goes if its secret was used up, whatever came of it."""
    try:
        yield
    finally:
        if not exchange.state.exists():
            exchange.forget()


def waiting(folder: Folder) -> list[Exchange]:
    """Those that wait for an answer, the oldest first. One that cannot be read is left out."""
    found = []
    for place in folder.exchanges_there():
        exchange = Exchange(place)
        with contextlib.suppress(PsiselectError):
            found.append((exchange.begun, exchange.name, exchange, exchange.peer))
    return [each[2] for each in sorted(found, key=lambda each: each[:2])]


def find(folder: Folder, name: str) -> Exchange | None:
    """The one of this name."""
    return next((each for each in waiting(folder) if each.name == name), None)
