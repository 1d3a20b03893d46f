"""A listener that keeps running, for `import psiselect`; see `psiselect.matching.calls`."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from psi.agreement.modes import Side
from psi.identity.identity import PeerIdentity
from psi.serve.serving import ServeLimits
from psi.session.session import SessionResult
from psi.transport.address import Address
from psiselect import words_arguments
from psiselect.arguments import event_of, flag_of, seconds_of
from psiselect.base.errors import OutputError, PolicyError, PsiselectError, RemoteError
from psiselect.matching import asked, serving
from psiselect.matching import words_calls as words
from psiselect.matching.answers import MatchResult
from psiselect.matching.asked import IdentityLike, PeerLike, SessionKeywords, Texts
from psiselect.matching.choices import Choices
from psiselect.matching.given import GivenOptions
from psiselect.matching.own_side import check_options, tell_of_rows
from psiselect.matching.public import Cancel, public, talk
from psiselect.matching.results import Found, together
from psiselect.matching.serving import Order, ServiceEnd, Stay
from psiselect.matching.session_files import for_sessions
from psiselect.matching.spare import Spare

_DAY = 86_400.0


@public(SessionKeywords, "key", "identity", "peer")
def serve(
    address: str | Sequence[str],
    table: Any,
    *,
    key: Texts,
    identity: IdentityLike | Sequence[IdentityLike],
    peer: PeerLike | Sequence[PeerLike],
    found: Callable[[MatchResult], object] | None = None,
    refused: Callable[[str, PsiselectError], object] | None = None,
    rows: bool = True,
    listening: Callable[[Sequence[str]], None] | None = None,
    cancel: Cancel = None,
    max_sessions: int = 4,
    peer_sessions: int = 1,
    max_duration: float = _DAY,
    grace: float = 60.0,
    health: str | None = None,
    **options: Unpack[SessionKeywords],
) -> ServiceEnd:
    """Wait for peers and run a session with each that calls, several at once: `psiselect psi listen --serve`.

    It keeps running until `cancel` is set, and then returns. A session that fails ends no other, and is in the log. By
    default the peer learns.

    Args:
        address: HOST:PORT to wait at, or several. HOST may be * for all addresses; port 0 picks one.
        table: as for `connect`. A file is read again when it changes, any other table for each session.
        found: called with the result of each session, one at a time, by a thread of its own. What it raises is in the
            log, and ends nothing.
        refused: called with the peer's name and the error, where a result is withheld or was spoiled by the peer.
        listening: called with the addresses, real ports included, as soon as peers can come.
        cancel: set it in another thread to stop. It is looked at once peers can come.
        max_sessions: at once.
        peer_sessions: at once with one peer.
        max_duration: seconds, after which a session is broken off.
        grace: seconds for which sessions go on after `cancel` is set.
        health: HOST:PORT where GET /livez, /readyz, /healthz and /metrics are answered.
        options: the command's, under their names: docs/cli.md, `psi listen`. `output` and `record` name a folder, or a
            file with {session} in its name.

    The rest, and what it raises, is as for `listen`.
    """
    own, *more = asked.identities(identity, "identity")
    addresses = asked.texts(address, "address")
    if not addresses:
        raise words.none_named("address")
    for place in addresses:
        Address.parse(place, every=True)
    for name, told in (("found", found), ("refused", refused), ("listening", listening)):
        if told is not None and not callable(told):
            raise words_arguments.wrong(name, words.A_FUNCTION, told)
    parties = {"identity": own, "more_identities": tuple(more), "peers": asked.peers(peer, "peer")}
    given = for_sessions(asked.given(table, key, {"learn": "peer", **options}, **parties))
    most, each = asked.whole(1)(max_sessions, "max_sessions"), asked.whole(1)(peer_sessions, "peer_sessions")
    longest, last = seconds_of(max_duration, "max_duration"), seconds_of(grace, "grace")
    place_of_health = None if health is None else Address.parse(asked.text(health, "health"), every=True)
    speaker = _Handing(given, flag_of(rows, "rows") and given.output is None and found is not None, found, refused)
    spoken = talk(None, None, listening)
    orders = _Stopped(event_of(cancel, "cancel") or threading.Event())
    choices = Choices.of(Side.LISTEN, given, spoken, speaker)
    parties_here = check_options(choices)
    tell_of_rows(choices)
    stay = Stay(ServeLimits(most, each, choices.means.stall_seconds, longest), last, place_of_health)
    return serving.serve(choices, parties_here, stay, addresses, orders)


class _Stopped:
    """An event as `psiselect.matching.serving.Orders`."""

    def __init__(self, cancel: threading.Event) -> None:
        self._cancel = cancel
        self._heard = False

    def taken(self) -> AbstractContextManager[None]:
        """See `Orders`."""
        return contextlib.nullcontext()

    def next(self, seconds: float) -> Order | None:
        """See `Orders`. An event is set once, so it is no second order to stop."""
        if self._heard or not self._cancel.wait(seconds):
            return None
        self._heard = True
        return Order.STOP

    def let_go(self) -> None:
        """See `Orders`. Queries of this process may be somebody else's."""


@dataclass(frozen=True)
class _Handing:
    """Hands each result to the program. A `psiselect.matching.results.Speaker`."""

    given: GivenOptions
    takes_rows: bool
    found: Callable[[MatchResult], object] | None
    refused: Callable[[str, PsiselectError], object] | None
    log: Path | None = None

    def prepare(self) -> None:
        """Nothing is written."""

    def say(self, found: Found, spare: Spare) -> None:
        """See `Speaker`."""
        if self.found is not None:
            self.found(MatchResult.of(found, self.given.table, rows_wanted=self.takes_rows))
        if found.trouble is not None:
            raise found.trouble

    def refuse(
        self,
        error: PolicyError | RemoteError,
        result: SessionResult,
        peer: PeerIdentity,
        troubles: Sequence[OutputError],
        spare: Spare,
    ) -> None:
        """See `Speaker`."""
        if self.refused is not None:
            self.refused(peer.name, error)
        if troubles:
            raise together(troubles)
