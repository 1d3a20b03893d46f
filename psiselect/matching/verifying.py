"""The signed record of a session, checked: both signatures, and whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from psi.accounts.records import SignedRecord
from psi.agreement.modes import Side
from psi.identity.identity import PeerIdentity
from psiselect.matching import words

PARTIES = "parties"  # the term of an error about whose record it is


@dataclass(frozen=True)
class Verified:
    """A record whose signatures verify. named: fingerprints of the parties that the caller has named."""

    record: SignedRecord
    named: frozenset[bytes]

    def is_named(self, side: Side) -> bool:
        """Whether the party of this side is one that was named. Else only its fingerprint says who it is."""
        return self.record.certificates[side].fingerprint in self.named

    @property
    def date(self) -> str:
        """When the listening side says that the session began, in UTC."""
        return datetime.fromtimestamp(self.record.content["time"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC")

    @property
    def unit(self) -> str:
        """What the sizes of the lists count."""
        return "distinct keys" if self.record.content["terms"].get("pad_to") is None else "items, padding included"


def verify(data: bytes, source: str, known: Sequence[PeerIdentity], own: PeerIdentity | None) -> Verified:
    """Check a record's file.

    Args:
        data: its bytes. source: what errors call it.
        known: certificates of parties that the caller knows. own: the caller's own certificate. With them the record
            must be theirs.

    Raises InputError for what is not a whole record, RemoteError when a signature does not verify or, with the term
    `PARTIES`, when the record is somebody else's.
    """
    signed = SignedRecord.decode(data, source)
    signed.verify()
    if own is not None and signed.side_of(own.fingerprint) is None:
        raise words.not_of_this_side(own.name, PARTIES)
    named = {party.fingerprint for party in known} | ({own.fingerprint} if own else set())
    strangers = [party for party in signed.certificates.values() if party.fingerprint not in named]
    others_named = len(named) > 1 or (own is not None and bool(known))
    if known and len(strangers) > (0 if others_named else 1):
        raise words.of_a_stranger(strangers[0].name, strangers[0].fingerprint, PARTIES)
    return Verified(signed, frozenset(named))
