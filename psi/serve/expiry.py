"""How long certificates are still valid, and when to say so."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from psi.identity.identity import PeerIdentity

# A certificate is spoken of when so many days are left, and when it has expired.
NOTICE_DAYS = (30, 7, 1)


def days_left(certificate: PeerIdentity, now: datetime) -> int:
    """Whole days until it expires, rounded down; negative when it has expired. now: UTC."""
    return math.floor((certificate.not_after - now) / timedelta(days=1))


def expired(certificate: PeerIdentity, now: datetime) -> bool:
    """Whether it has expired. now: UTC."""
    return now > certificate.not_after


@dataclass(frozen=True, slots=True)
class ExpiryNotice:
    """What is to be said of a certificate now. days: whole days that are left. expired: it is not valid any more."""

    certificate: PeerIdentity
    days: int
    expired: bool


class ExpiryWatch:
    """Says once of each certificate that it has 30, 7 and 1 days left, and that it has expired."""

    def __init__(self) -> None:
        self._told: dict[bytes, int] = {}  # by fingerprint: how many of the notices have come

    def due(self, certificates: Iterable[PeerIdentity], now: datetime) -> list[ExpiryNotice]:
        """The notices that are new at `now`, UTC. Of several that have come at once, the last."""
        found = []
        for certificate in certificates:
            over = expired(certificate, now)
            left = certificate.not_after - now
            stage = over + sum(left <= timedelta(days=days) for days in NOTICE_DAYS)
            if stage > self._told.get(certificate.fingerprint, 0):
                self._told[certificate.fingerprint] = stage
                found.append(ExpiryNotice(certificate, days_left(certificate, now), over))
        return found
