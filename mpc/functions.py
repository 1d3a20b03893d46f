"""Less informative functions: whether a sum reaches a threshold, which total is the largest, how large it is.

The parties that compute hold additive shares modulo a prime, from the same sharing round as the secure sum
(`mpc.securesum`). Each enters its share into MPyC, where the shares are added as Shamir shares; what is opened is the
function's value and nothing else.

Assumption, other than for sums: an honest majority. MPyC's Shamir threshold is t = (m-1)//2 of the m parties that
compute; any t of them learn nothing but the result, t+1 can reconstruct everything. With two t would be 0, so three is
the least. All follow the protocol (semi-honest). A comparison masks what it opens to within 2^-40 of uniform.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from mpc import words_messages as words
from mpc.function_plan import FunctionPlan
from mpc.mesh import Event, Mesh, Received
from mpc.messages import Message, Outgoing
from mpc.mpyc_bridge import Bridge, load
from mpc.parties import PartyList
from mpc.securesum import Admit, SecureSum, admit_all
from mpc.session import DEFAULT_TIMEOUT, Driver, Progress
from mpc.sharing import Residues
from mpc.terms import Function
from mpc.winner import public_order
from psi.identity.identity import Identity
from psi.transport.wire import Frame
from psiselect.base import strict_json, threads
from psiselect.base.entropy import Entropy
from psiselect.base.errors import RemoteError

_MAX_EARLY = 64 << 20


@dataclass(frozen=True, slots=True)
class FunctionOutcome:
    """A finished run. `value` is True or False, a label, or an amount, by the function."""

    value: bool | str | Fraction
    seconds: float
    bytes_sent: int
    bytes_received: int
    unconfirmed: tuple[str, ...]


def run_function(
    roster: PartyList,
    me: str,
    identity: Identity,
    plan: FunctionPlan,
    values: Sequence[int] | None,
    entropy: Entropy,
    *,
    timeout: float = DEFAULT_TIMEOUT,
    progress: Progress | None = None,
    admit: Admit = admit_all,
) -> FunctionOutcome:
    """One party's part; `values` in units, None for a server, one number for functions of one number each.

    admit: see `mpc.securesum.SecureSum`. Raises TransportError or RemoteError with the name of the party that ended
    the run, and what `admit` raises.
    """
    if roster[me].computes:
        load()
    started = time.monotonic()
    noise = None
    if plan.noise is not None and roster[me].computes:
        # Drawing takes longer for larger noise. It is done before there are links, so that it delays no message.
        noise = plan.noise.one_sided(entropy, plan.terms.length)
    slotted = _slotted(roster, me, plan, values)
    machine = SecureSum(roster, me, plan.terms, slotted, entropy, opens=False, admit=admit)
    with Mesh(roster, me, identity, timeout) as mesh:
        driver = Driver(machine, mesh, timeout, progress)
        stage = _Phase(driver, roster, me)
        driver.aside = stage.early
        with driver.telling():
            driver.until(lambda: machine.ready or machine.settled)
            if machine.partial is not None:
                share = machine.partial
                if noise is not None:
                    share = machine.ring.add(share, machine.ring.residues(noise))
                driver.send(machine.announce(strict_json.encode({"result": stage.compute(plan, share)})))
            driver.until(lambda: machine.finished)
        value = _decoded(plan, machine.result)
        spent = time.monotonic() - started
        return FunctionOutcome(value, spent, mesh.bytes_sent, mesh.bytes_received, machine.unconfirmed)


def _slotted(roster: PartyList, me: str, plan: FunctionPlan, values: Sequence[int] | None) -> Sequence[int] | None:
    """One number of a party goes into its own slot of a vector that is zero elsewhere."""
    names = tuple(p.name for p in roster.inputting)
    if values is None or plan.labels != names or len(values) != 1:
        return values
    return [values[0] if name == me else 0 for name in names]


def _decoded(plan: FunctionPlan, result: bytes | None) -> bool | str | Fraction:
    """What the computing parties announced. Raises RemoteError for what is no result of this function."""
    record = strict_json.decode(result or b"", "result")
    strict_json.only(record, {"result"}, "result")
    value: int = strict_json.field(record, "result", int, "result")
    if plan.terms.function is Function.THRESHOLD and value in (0, 1):
        return bool(value)
    if plan.terms.function is Function.ARGMAX and 0 <= value < len(plan.labels):
        return plan.labels[value]
    if plan.terms.function is Function.MAX and abs(value) <= plan.point.largest:
        return plan.point.decode(value)
    raise words.no_such_result()


class _Phase:
    """The part of a run that happens inside MPyC, at a computing party.

    MPyC's loop runs in the calling thread. A second thread takes events off the mesh and wakes the loop, where the
    driver handles them: it passes MPyC's frames on to MPyC, also while it waits for better news about a lost link.
    """

    def __init__(self, driver: Driver, roster: PartyList, me: str) -> None:
        self._driver, self._me = driver, me
        self._names = [p.name for p in roster.computing]
        self._early: deque[tuple[str, bytes]] = deque()
        self._held = 0

    def early(self, peer: str, frame: Frame) -> bool:
        """An MPyC frame of a peer that is ahead of us, kept; False when it has no place here."""
        self._held += len(frame)
        if frame.type != Message.MPYC or peer not in self._names or self._held > _MAX_EARLY:
            return False
        self._early.append((peer, bytes(frame.payload)))
        return True

    def compute(self, plan: FunctionPlan, share: Residues) -> int:
        """This function of the sum of all computing parties' shares."""
        driver, mesh = self._driver, self._driver.mesh
        index = {n: i for i, n in enumerate(self._names)}

        def send(peer: int, data: bytes) -> None:
            driver.send([Outgoing(self._names[peer], Frame(Message.MPYC, data))])

        bridge = Bridge(index[self._me], len(self._names), send)
        arrived: queue.SimpleQueue[Event] = queue.SimpleQueue()
        over = threading.Event()

        def deliver(peer: str, frame: Frame) -> bool:
            try:
                bridge.deliver(index[peer], bytes(frame.payload))
            except (KeyError, RemoteError):
                return False  # to the machine, which takes no such message of anybody
            return True

        def take() -> None:
            while driver.machine.failure is None:
                try:
                    event = arrived.get_nowait()
                except queue.Empty:
                    return
                driver.handle(event)
                if driver.machine.failure is not None:
                    bridge.loop.stop()

        def pump() -> None:
            while not over.is_set():
                try:
                    arrived.put(mesh.events.get(timeout=0.05))
                except queue.Empty:
                    continue
                bridge.loop.call_soon_threadsafe(take)

        def late() -> None:
            driver.send(driver.machine.expired())
            bridge.loop.stop()

        pumping: threading.Thread | None = None
        try:
            driver.events, driver.aside = arrived, deliver
            for peer, data in self._early:
                arrived.put(Received(peer, Frame(Message.MPYC, data)))
            bridge.loop.call_soon(take)
            bridge.loop.call_later(max(0.0, driver.deadline - time.monotonic()), late)
            pumping = threads.start(pump, name="psiselect-mpyc")
            return _value(bridge, plan, share, driver)
        finally:
            over.set()
            if pumping is not None:
                pumping.join()
            # What came after the result waits until that is announced: a party that has left since then undoes nothing.
            driver.events, driver.aside = mesh.events, lambda peer, _frame: peer in index
            while not arrived.empty():
                driver.keep([arrived.get()])
            bridge.close()


def _value(bridge: Bridge, plan: FunctionPlan, share: Residues, driver: Driver) -> int:
    order = public_order(driver.machine.seeds, len(share)) if plan.terms.function is Function.ARGMAX else None

    async def whole() -> int:
        await bridge.ready
        return await evaluate(bridge.runtime, plan, [int(s) for s in share], order)

    task = bridge.loop.create_task(whole())
    try:
        value = bridge.loop.run_until_complete(task)
    except RuntimeError:  # the loop was stopped: by a failure of the run, or by MPyC's
        if driver.machine.failure is None:
            driver.send(driver.machine.stopped())
        raise driver.error() from bridge.failure
    if driver.machine.failure is not None:  # in the loop's last turn; the others have been told of it
        raise driver.error()
    return value


async def evaluate(runtime: Any, plan: FunctionPlan, share: Sequence[int], order: npt.NDArray[np.int64] | None) -> int:
    """The function inside MPyC: a bit, a position, or a number of units. `share`: this party's additive shares."""
    number = runtime.SecInt(plan.bits, plan.terms.modulus)
    entered = runtime.input([number(s) for s in share])
    totals = [runtime.sum(list(each)) for each in zip(*entered, strict=True)]
    return int(await _EVALUATORS[plan.terms.function](runtime, plan, totals, order))


def _threshold(runtime: Any, plan: FunctionPlan, totals: list[Any], _: object) -> Awaitable[Any]:
    found: Awaitable[Any] = runtime.output(totals[0] >= (plan.at_least or 0))
    return found


def _max(runtime: Any, plan: FunctionPlan, totals: list[Any], _: object) -> Awaitable[Any]:
    found: Awaitable[Any] = runtime.output(runtime.max(totals))
    return found


async def _argmax(runtime: Any, plan: FunctionPlan, totals: list[Any], order: npt.NDArray[np.int64] | None) -> int:
    positions = range(len(totals)) if order is None else [int(i) for i in order]
    # MPyC takes the first of equal ones; the order is public, so opening the place in it tells the winner only.
    place, _ = runtime.argmax([totals[i] for i in positions])
    return positions[int(await runtime.output(place))]


_EVALUATORS: dict[Function, Callable[..., Awaitable[Any]]] = {
    Function.THRESHOLD: _threshold,
    Function.MAX: _max,
    Function.ARGMAX: _argmax,
}
