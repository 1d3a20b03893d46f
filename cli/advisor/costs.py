"""Seconds and bytes of the exact protocols: `psi.session.cost` and `fast_cost`.

This machine is measured when the first second of a protocol is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from cli._backend import open_backend
from psi.agreement.modes import Learner, Reveal, SessionProtocol
from psi.agreement.terms import KeyTerm, Terms
from psi.fast.kernels.choice import kernels_beside
from psi.session import cost, fast_cost
from psi.session.calibration import calibrate
from psi.session.cost import CONTROL_BYTES, Calibration, Machines, Sizes
from psi.session.fast_cost import FastCalibration
from psiselect.base.threads import available_cores


class Machine:
    """This machine's speed, measured once, and only if something needs it."""

    def __init__(self, measure: Callable[[], Calibration], measure_fast: Callable[[], FastCalibration]) -> None:
        self._measure, self._measure_fast = measure, measure_fast

    @cached_property
    def calibration(self) -> Calibration:
        """Seconds of one core for an item."""
        return self._measure()

    @cached_property
    def fast(self) -> FastCalibration:
        """The same for the fast protocol."""
        return self._measure_fast()

    @property
    def seconds_to_hash(self) -> float:
        """One core's seconds to hash and mask one identifier: what enumerating a domain costs an attacker."""
        return self.calibration.multiplication + self.calibration.hashing


@dataclass(frozen=True)
class SetCost:
    """One exact set protocol: multiplications of both parties, payload bytes both ways, seconds on two such
    machines.
    """

    multiplications: int
    bytes: int
    seconds: float


def measure() -> Calibration:
    """Measure this machine with the backend that `psiselect psi` would use; under a second."""
    with open_backend("auto", None) as backend:
        return calibrate(backend, available_cores())


def measure_fast() -> FastCalibration:
    """Measure the fast protocol with the same backend; about a second."""
    with open_backend("auto", None) as backend:
        return fast_cost.calibrate(backend, kernels_beside(backend.name), available_cores())


def fast_psi(own: int, peer: int, machine: Machine, *, both: bool = False) -> SetCost:
    """The common items by the fast protocol; the first list's side learns, or both sides do."""
    terms = Terms(
        protocol=SessionProtocol.FAST,
        reveal=Reveal.MATCHES,
        learn=Learner.BOTH if both else Learner.CONNECT,
        keys=(KeyTerm("any rule", "0" * 64),),
    )
    found = fast_cost.estimate(terms, Sizes(own, peer), Machines.APART, None, None, machine.fast)
    payload = found.bytes_sent + found.bytes_received - 2 * CONTROL_BYTES
    return SetCost(found.own_multiplications + found.peer_multiplications, payload, found.seconds)


def psi(own: int, peer: int, machine: Machine, *, both: bool = False, sums: bool = False) -> SetCost:
    """The first list's side learns, or both sides do. sums: a total too, of the other list's values."""
    terms = Terms(
        reveal=Reveal.SUM if sums else Reveal.MATCHES,
        learn=Learner.BOTH if both else Learner.CONNECT,
        keys=(KeyTerm("any rule", "0" * 64),),
        value_decimals=0 if sums else None,
        value_max="1" if sums else None,
    )
    sizes = Sizes(own, peer)
    estimate = cost.estimate(terms, sizes, cost.Machine(machine.calibration))
    payload = sum(run.payload_bytes for run, _ in cost.runs(terms, sizes))
    return SetCost(estimate.own_multiplications + estimate.peer_multiplications, payload, estimate.seconds)
