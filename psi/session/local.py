"""Both parties in one process, over the in-memory channel: to try out and to measure, with no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psi.agreement.modes import Side
from psi.agreement.terms import MAX_SIZE
from psi.group.curve25519.backend import Backend
from psi.session import session, words
from psi.session.job import Job
from psi.session.session import SessionResult
from psi.transport.memory import memory_pair
from psiselect.base import threads
from psiselect.base.entropy import Entropy
from psiselect.base.errors import RemoteError, TransportError


class EphemeralKey:
    """A signing key for one run on one machine: signer and verifier at once, and no certificate."""

    def __init__(self, entropy: Entropy) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(entropy.read(32))
        self.fingerprint = self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature."""
        return self._key.sign(message)

    def verify(self, signature: bytes, message: bytes) -> None:
        """Raises RemoteError unless this key made the signature."""
        try:
            self._key.public_key().verify(signature, message)
        except InvalidSignature:
            raise words.not_signed() from None


def run(
    jobs: Mapping[Side, Job],
    backend: Backend,
    entropy: Entropy,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[Side, SessionResult]:
    """Run a session between two jobs in two threads; `progress` is the connecting side's. Raises what either side
    raises; when one side's fault ends the other's session, the fault itself."""
    keys = {side: EphemeralKey(entropy) for side in Side}
    left, right = memory_pair(fingerprints=(keys[Side.CONNECT].fingerprint, keys[Side.LISTEN].fingerprint))
    channels = {Side.CONNECT: left, Side.LISTEN: right}
    results: dict[Side, SessionResult] = {}
    errors: dict[Side, BaseException] = {}

    def play(side: Side) -> None:
        try:
            setup = jobs[side].setup(keys[side], keys[side.other], backend, entropy, max_peer_size=MAX_SIZE)
            shown = progress if side is Side.CONNECT else _silent
            results[side] = session.run(channels[side], setup, shown)
        except BaseException as error:  # noqa: BLE001 - raised again below, in the caller's thread
            errors[side] = error
            channels[side].close()

    other = threads.start(play, Side.LISTEN, name="psi-local-peer")
    play(Side.CONNECT)
    other.join()
    if errors:
        # A side that only hears of the other's fault says RemoteError or TransportError; the fault itself matters.
        raise min(errors.values(), key=lambda error: isinstance(error, RemoteError | TransportError))
    return results


def _silent(done: int, total: int) -> None:
    """No progress is shown for the second party."""
