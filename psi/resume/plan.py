"""What a session that can be resumed is to be: everything of one side but the folder and the first channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from psi.group.curve25519.backend import Backend
from psi.protocol.party import Setup
from psi.transport.channel import Channel
from psiselect.base.entropy import Entropy, SystemEntropy


class Link(Protocol):
    """Where new channels to the session's peer come from."""

    def open(self, wait: float) -> Channel:
        """The next channel. Raises TransportError when there is none within `wait` seconds."""
        ...


@dataclass(frozen=True)
class Plan:
    """What a session is to be.

    setup: this side's, with random bits and a backend put in; called again for each try. input_digest: of the list, in
    the order in which it will be used, and of all that travels with it. patience: seconds without progress, over all
    links, until it is given up for now. say: told when a link breaks.
    """

    setup: Callable[[Entropy, Backend], Setup]
    input_digest: bytes
    backend: Backend
    link: Link
    patience: float
    progress: Callable[[int, int], None] = lambda done, total: None
    say: Callable[[str], None] = lambda text: None

    @property
    def peer(self) -> bytes:
        """The peer's fingerprint."""
        return self.setup(SystemEntropy(), self.backend).verifier.fingerprint

    def scope(self) -> dict[str, Any]:
        """Who does what with whom: what tells sessions apart."""
        setup = self.setup(SystemEntropy(), self.backend)
        return {
            "own": setup.signer.fingerprint.hex(),
            "peer": setup.verifier.fingerprint.hex(),
            "side": setup.side.value,
            "terms": setup.terms.to_json(),
        }
