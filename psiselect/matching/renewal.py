"""Certificates of a listener that keeps running: read again on SIGHUP, and watched for their end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from psi.serve.expiry import ExpiryNotice, ExpiryWatch, days_left
from psi.transport.credentials import Credentials
from psi.transport.listener import Listener
from psiselect.base.errors import PsiselectError
from psiselect.base.events import event
from psiselect.matching import words
from psiselect.matching.choices import PeerChoice
from psiselect.matching.guard import Guard
from psiselect.matching.own_side import load_parties
from psiselect.matching.served import LOGGER, Sessions


@dataclass(frozen=True)
class Renewal:
    """Replaces the certificates of a listener while it runs. chosen: which files they are in, asked each time."""

    listener: Listener
    sessions: Sessions
    guard: Guard
    chosen: Callable[[], PeerChoice]
    watch: ExpiryWatch = field(default_factory=ExpiryWatch)

    def renew(self) -> None:
        """Read identities and peers again. When any of them cannot be used, all stay as they were."""
        try:
            named = self.chosen()
            parties = load_parties(
                named.identities, named.certificates, named.max_size, self.guard.anew(), tell=_tell_note
            )
            credentials = Credentials(parties.identities, parties.peers)
        except PsiselectError as error:
            LOGGER.error(words.NOT_RENEWED, error, extra=event("not_renewed", reason=str(error)))
            return
        # In this order: whoever is let in finds its session knowing it.
        self.sessions.renew(parties)
        self.listener.renew(credentials)
        now = datetime.now(UTC)
        days = [days_left(own.public, now) for own in parties.identities]
        peers = [peer.name for peer in parties.peers]
        own = [identity.fingerprint.hex()[:16] for identity in parties.identities]
        LOGGER.info(words.RENEWED, extra=event("renewed", own=own, days_left=days, peers=peers))
        self.look(now)

    def look(self, now: datetime) -> None:
        """Log the certificates that will soon expire, or have expired."""
        parties = self.sessions.parties
        for notice in self.watch.due((own.public for own in parties.identities), now):
            _log(words.OWN_CERTIFICATE, words.EXPIRES_HERE, notice)
        for notice in self.watch.due(parties.peers, now):
            _log(words.PEERS_CERTIFICATE, words.EXPIRES_THERE, notice)


def _log(whose: str, expires: str, notice: ExpiryNotice) -> None:
    certificate = notice.certificate
    until = certificate.not_after.isoformat(timespec="seconds")
    known = {
        "certificate": certificate.name,
        "fingerprint": certificate.fingerprint.hex()[:16],
        "days_left": notice.days,
        "until": until,
    }
    if notice.expired:
        text, name = words.EXPIRED, "certificate_expired"
        LOGGER.error(text, whose, certificate.name, until, extra=event(name, **known))
    else:
        text, name = expires, "certificate_expires"
        LOGGER.warning(text, whose, certificate.name, until, extra=event(name, **known))


def _tell_note(note: str) -> None:
    LOGGER.warning("%s", note, extra=event("identity_note"))
