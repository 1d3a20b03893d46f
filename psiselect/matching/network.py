"""One session over the network, as the side that waits or the side that calls."""

from __future__ import annotations

import math
from collections.abc import Sequence

from psi.protocol.messages import BUSY
from psi.transport.tls import Listener
from psi.transport.tls import connect as call
from psiselect.matching import kept, words
from psiselect.matching.choices import Choices
from psiselect.matching.own_side import prepared, tell_of_rows
from psiselect.matching.results import Found


def listen(choices: Choices, addresses: Sequence[str]) -> Found:
    """Wait for a peer at these addresses, and run one session with it. Raises as `connect`."""
    tell_of_rows(choices)
    if choices.means.resume:
        return kept.listen(choices, addresses)
    with prepared(choices) as own:
        parties, means, tell = own.parties, choices.means, own.talk.tell
        with Listener(
            addresses, parties.identities, parties.peers, timeout=means.stall_seconds, busy_frame=BUSY
        ) as listener:
            own.talk.listening(listener.addresses)
            tell(words.listening(listener.addresses, parties.names))
            channel = listener.accept(means.timeout or math.inf, look=own.talk.looking)
            tell(f"session with {parties.peer(channel.peer_fingerprint).name}")
            return own.run(channel, means)


def connect(choices: Choices, address: str) -> Found:
    """Call a listening peer, and run one session with it. Raises any error of `psiselect.base.errors`."""
    tell_of_rows(choices)
    if choices.means.resume:
        return kept.connect(choices, address)
    with prepared(choices) as own:
        parties, means = own.parties, choices.means
        stall = means.stall_seconds
        own.talk.tell(words.calling(address, stall))
        channel = call(address, parties.identity, parties.peers, timeout=stall, look=own.talk.looking)
        return own.run(channel, means)
