"""What one side brings to a session, and what it holds the peer's hello and sizes against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from psi.agreement.modes import Side
from psi.agreement.terms import Terms, difference
from psi.fast.kernels.interface import Kernels
from psi.group.curve25519.backend import Backend
from psi.identity.signing import Signer, Verifier
from psi.inputs.tokens import TokenSource
from psi.protocol import messages, words
from psi.protocol.run import Labels, Values
from psi.store.spool import Store
from psiselect.base.entropy import Entropy
from psiselect.base.errors import UsageError


@dataclass(frozen=True)
class Setup:
    """What one side brings to a session.

    sizes: items in each list, without what the terms add. tokens(number): one of the lists, called once a run, so
    that each run has an order of its own; the party adds what the terms add. labels: what travels along with own
    items, None for nothing. values: in `sum`, what own items add up. Private policy: admit() is called once, when the
    peer has proved who it is and before any size moves; check_size(items in all of the peer's lists) before anything
    derived from data moves; both raise PolicyError to refuse. max_peer_size: elements, so an item with K keys counts
    K times. now: seconds since 1970, for the record's date. kernels: for the fast protocol, None under other terms.
    """

    side: Side
    terms: Terms
    sizes: tuple[int, ...]
    tokens: Callable[[int], TokenSource]
    signer: Signer
    verifier: Verifier
    backend: Backend
    stores: Callable[[], Store]
    entropy: Entropy
    max_peer_size: int
    now: int
    admit: Callable[[], None] = lambda: None
    check_size: Callable[[int], None] = lambda peer_size: None
    labels: Labels | None = None
    values: Values | None = None
    kernels: Kernels | None = None

    @property
    def size(self) -> int:
        """Items in all lists together."""
        return sum(self.sizes)

    @property
    def declared_sizes(self) -> tuple[int, ...]:
        """Items in each list, padding included. Raises InputError when one does not fit it."""
        return tuple(self.terms.declared_size(size) for size in self.sizes)


def read_hello(setup: Setup, payload: bytes) -> int:
    """Hold the peer's hello against the own terms; returns its time. Raises RemoteError."""
    hello = messages.decode_hello(payload)
    differs = difference(setup.terms, hello["terms"])
    if differs is not None:
        raise differs
    return int(hello["time"])


def read_sizes(setup: Setup, payload: bytes) -> tuple[int, ...]:
    """Hold the peer's sizes against terms and policy. Raises RemoteError, also when values could add up to too much,
    and PolicyError when its lists are too long for this side."""
    agreed, own = setup.terms, sum(setup.declared_sizes)
    sizes = messages.decode_sizes(payload, agreed.lists)
    if agreed.pad_to is not None and set(sizes) != {agreed.pad_to}:
        raise words.not_padded()
    elements = sum(sizes) * agreed.keys_per_row
    if elements > setup.max_peer_size:
        raise words.too_long(elements, setup.max_peer_size)
    setup.check_size(sum(sizes))
    try:
        agreed.check_totals({setup.side: own, setup.side.other: sum(sizes)})
    except UsageError as error:
        raise words.size_does_not_fit(error) from None
    return sizes
