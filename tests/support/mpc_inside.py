"""One party inside MPyC, without the others."""

from __future__ import annotations

import threading
from fractions import Fraction

from mpc import functions
from mpc.function_plan import plan_threshold
from mpc.mesh import Received
from mpc.messages import Message
from mpc.securesum import SecureSum
from mpc.session import Driver
from psi.transport.wire import Frame
from psiselect.base.entropy import SystemEntropy
from support.mpc_memory import StubMesh
from support.mpc_network import NAMES, Network, roster


class Inside:
    """One of three has all shares and goes into MPyC; what the others do there is up to the test."""

    def __init__(self, seconds: float, me: str = "alice") -> None:
        people = roster(3)
        plan = self.plan = plan_threshold(people, decimals=0, bound=Fraction(9), at_least=None)
        made = {n: SecureSum(people, n, plan.terms, [1], SystemEntropy(), opens=False) for n in NAMES[:3]}
        network = Network(made)
        network.connect_all()
        network.run()
        self.machine = made[me]
        assert self.machine.ready
        self.links = StubMesh()
        self.driver = Driver(self.machine, self.links, seconds)  # type: ignore[arg-type]
        self.phase = functions._Phase(self.driver, people, me)

    def run(self) -> int:
        assert self.machine.partial is not None
        hung: list[bool] = []

        def rescue() -> None:
            """End a run that hangs."""
            hung.append(True)
            self.links.events.put(Received("carlos", Frame(Message.ABORT, b"rescue")))

        watch = threading.Timer(10, rescue)
        watch.start()
        try:
            return self.phase.compute(self.plan, self.machine.partial)
        finally:
            watch.cancel()
            assert not hung

    def told(self) -> dict[str, bytes]:
        return {peer: bytes(f.payload) for peer, f in self.links.sent if f.type == Message.ABORT}
