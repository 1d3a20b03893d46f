"""What a session that can be resumed is to be: everything of one side but the folder and the first channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from psi.agreement.modes import Side
from psi.agreement.terms import Terms
from psi.group.curve25519.backend import Backend
from psi.protocol.setup import Setup
from psi.transport.channel import Channel
from psiselect.base.entropy import Entropy, SystemEntropy


class Link(Protocol):
    """Where new channels to the session's peer come from."""

    def open(self, wait: float) -> Channel:
        """The next channel. Raises TransportError when there is none within `wait` seconds."""
        ...


@dataclass(frozen=True)
class ResumePlan:
    """What a session is to be.

    Attributes:
        setup: builds this side's setup from random bits and a backend; called again for each try.
        input_digest: of the list, in the order in which it will be used, and of all that travels with it.
        backend: does the group's arithmetic.
        link: where channels after the first one come from.
        stall_seconds: how long the session may go without progress, over all links, until this process gives it up.
        progress: called with the group operations of this side that are done, and with all of them.
        say: called with a sentence for the user when a link breaks.
    """

    setup: Callable[[Entropy, Backend], Setup]
    input_digest: bytes
    backend: Backend
    link: Link
    stall_seconds: float
    progress: Callable[[int, int], None] = lambda done, total: None
    say: Callable[[str], None] = lambda text: None

    @property
    def peer(self) -> bytes:
        """The peer's fingerprint."""
        return self.setup(SystemEntropy(), self.backend).verifier.fingerprint

    def scope(self) -> dict[str, Any]:
        """Who does what with whom: what tells sessions apart."""
        setup = self.setup(SystemEntropy(), self.backend)
        return scope_of(setup.signer.fingerprint, setup.verifier.fingerprint, setup.side, setup.terms)


def scope_of(own: bytes, peer: bytes, side: Side, terms: Terms) -> dict[str, Any]:
    """Who does what with whom, by fingerprints of 32 bytes: what tells sessions apart."""
    return {"own": own.hex(), "peer": peer.hex(), "side": side.value, "terms": terms.to_json()}
