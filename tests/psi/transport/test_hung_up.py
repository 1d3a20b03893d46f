"""How a link broke: the other end hung up, or said why."""

from __future__ import annotations

import threading

import pytest
from support.clocks import until
from support.handshakes import Parties

from psi.transport.pinning import HungUpError
from psi.transport.tls import Listener, connect
from psi.transport.wire import Frame
from psiselect.base.errors import TransportError


@pytest.mark.parametrize("reset", [False, True])
def test_a_closed_connection_is_told_from_a_refusal(parties: Parties, listener: Listener, reset: bool) -> None:
    with connect(listener.address, parties.globex, [parties.acme.public], timeout=30) as there:
        here = listener.accept()
        if reset:  # as of a process that was killed with bytes unread
            there.send(Frame(1, bytes(100)))
            until(lambda: here._incoming._bytes > 0)
            here._stream.sock.shutdown(2)
        threading.Thread(target=here.close).start()
        with pytest.raises(HungUpError):
            there.receive()
    with connect(listener.address, parties.stranger, [parties.acme.public], timeout=30) as refused:
        with pytest.raises(TransportError, match="does not know your certificate") as raised:
            refused.receive()
        assert not isinstance(raised.value, HungUpError)
