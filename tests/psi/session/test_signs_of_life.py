"""When a side says that it still computes: not while it waits, not before the peer has proved who it is."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from support.clocks import Clock
from support.parties import setup, terms
from support.tapped import tapped_pair

from psi.agreement.modes import Side
from psi.protocol.messages import MessageType as M
from psi.protocol.states import State
from psi.session import session
from psi.session.session import _Outlet
from psi.transport.wire import Frame

SILENT = {State.OPENING, State.GREETED, State.SIGNING, State.PROVING, State.DONE, State.FAILED}


@pytest.mark.parametrize("state", State)
def test_a_sign_of_life_is_due_after_half_a_second_of_own_computing(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock().install(monkeypatch, session)
    first, _ = tapped_pair()
    outlet = _Outlet(SimpleNamespace(state=state), first)  # type: ignore[arg-type]
    clock.now += 0.49
    assert not outlet._quiet()
    clock.now += 0.01
    assert outlet._quiet() is (state not in SILENT)
    outlet.computing = False
    assert not outlet._quiet()
    outlet.computing = True
    outlet.send([])
    assert outlet._quiet() is (state not in SILENT)
    outlet.send([Frame(M.ALIVE, b"")])
    assert not outlet._quiet()


def test_a_side_that_waits_for_its_peer_is_not_computing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sides that wait for each other must not keep each other alive."""
    outlets: list[_Outlet] = []

    class Kept(_Outlet):
        def __init__(self, *given: object) -> None:
            super().__init__(*given)  # type: ignore[arg-type]
            outlets.append(self)

    monkeypatch.setattr(session, "_Outlet", Kept)
    ends = dict(zip(Side, tapped_pair(timeout=30.0), strict=True))
    watched, receive = ends[Side.CONNECT], ends[Side.CONNECT].receive
    looks: list[tuple[float | None, bool]] = []

    items = [b"%d" % number for number in range(40)]
    peer = threading.Thread(
        target=session.run, args=(ends[Side.LISTEN], setup(Side.LISTEN, items, terms(chunk=8))), daemon=True
    )

    def looking(wait: float | None = None) -> Frame | None:
        own = next(outlet for outlet in outlets if outlet._channel is watched)
        looks.append((wait, own.computing))
        if wait is None and peer.ident is None:  # the peer comes when this side has nothing to do but wait
            peer.start()
        return receive(wait)

    monkeypatch.setattr(watched, "receive", looking)
    session.run(watched, setup(Side.CONNECT, items, terms(chunk=8)))
    peer.join(30)
    assert {0, None} <= {wait for wait, _ in looks}
    assert all(computing is (wait == 0) for wait, computing in looks)
