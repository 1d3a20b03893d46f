"""What a listener shows and whom it lets in. Replaced as a whole, so that one connection never sees half of a change.

A listener may have several identities while one takes over from another (decision 0155). A caller asks for the one that
it has pinned by TLS's server name; who asks for none, or for an unknown one, gets the first that is valid. An identity
is not shown once it has expired, whatever the caller's clock says: then the handshake ends.
"""

from __future__ import annotations

import ssl
import weakref
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from psi.identity.identity import Identity, PeerIdentity
from psi.transport import words
from psi.transport.pinning import LinkEnd, PinnedTls, Pins, make_context, pin, server_name

# The alert that ends a handshake for want of a valid certificate here; TLS has none that says so.
_NO_CERTIFICATE = ssl.AlertDescription.ALERT_DESCRIPTION_CERTIFICATE_UNOBTAINABLE


def utc_now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)


class Credentials:
    """Identities to show, the first one by default, and the peers that may come in.

    identities: one's own, each valid now. clock: the time, in UTC, at each handshake.
    context: for connections that come in. pins: the peers by fingerprint.
    Raises UsageError (no identity, no peers, oneself among them) and InputError (a certificate that is not valid now).
    """

    def __init__(
        self,
        identities: Sequence[Identity],
        peers: Iterable[PeerIdentity],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        if not identities:
            raise words.no_identity()
        pinned = tuple(peers)
        self.pins: Pins = {}
        for identity in identities:
            self.pins = pin(identity, pinned)
        self._identities = tuple(identities)
        self._clock = clock
        self._contexts = [make_context(LinkEnd.LISTENER, identity, self.pins) for identity in identities]
        self._by_name = {server_name(identity.fingerprint): identity for identity in identities}
        self.context = self._contexts[0]
        self.context.sni_callback = _chooser(weakref.ref(self))

    def shown(self, tls: ssl.SSLObject) -> Identity:
        """The identity that a connection has been shown, until `handshake_done`."""
        return self._identities[self._contexts.index(tls.context)]

    def choose(self, tls: ssl.SSLObject, name: str | None) -> int | None:
        """Called by `ssl` when a caller has said hello, with the name that it asks for; returns an alert, or None."""
        now = self._clock()
        asked = self._by_name.get(name or "")
        usable = [identity for identity in self._identities if now <= identity.public.not_after]
        chosen = asked if asked is not None else next(iter(usable), None)
        if chosen is None or chosen not in usable:
            if isinstance(tls, PinnedTls):
                tls.own_refusal = words.own_expired((chosen or self._identities[0]).name)
            return _NO_CERTIFICATE
        tls.context = self._contexts[self._identities.index(chosen)]
        return None


def _chooser(
    credentials: weakref.ref[Credentials],
) -> Callable[[ssl.SSLObject, str | None, ssl.SSLContext], int | None]:
    """What `ssl` calls for credentials that hold the context which holds this. Whoever has a handshake with them keeps
    them. So they are gone with the last of these, and not when the interpreter looks for what nobody uses."""

    def choose(tls: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> int | None:
        found = credentials()
        return _NO_CERTIFICATE if found is None else found.choose(tls, name)

    return choose
