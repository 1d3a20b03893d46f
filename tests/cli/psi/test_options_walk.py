"""How far the options of a session travel: through few functions, then each part goes its own way."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from support.program import Run

from psi.identity.identity import Identity, PeerIdentity
from psi.transport.tls import Listener
from psiselect.matching.choices import Choices, ListChoice, Means, PeerChoice
from psiselect.matching.given import GivenOptions

# All options together, and the groups that they are put into.
OPTIONS = (GivenOptions, Choices, ListChoice, PeerChoice, Means)


def walked(run: Callable[[], object]) -> set[str]:
    """The functions that are handed options, or a group of them, while `run` runs."""
    found: set[str] = set()

    def called(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        names = {*code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]} - {"self"}
        if event == "call" and any(isinstance(frame.f_locals.get(name), OPTIONS) for name in names):
            found.add(f"{Path(code.co_filename).name}:{code.co_qualname}")

    sys.setprofile(called)
    try:
        run()
    finally:
        sys.setprofile(None)
    return found


def test_the_options_of_connect_pass_through_few_functions(place: Path, program: Run) -> None:
    """Nobody answers: this side has been through all that comes before the session."""
    acme, globex = Identity.load(place / "acme"), PeerIdentity.load(place / "globex.crt")
    with Listener("127.0.0.1:0", acme, [globex], timeout=30) as listener:
        closing = threading.Thread(target=lambda: listener.accept(30).abandon(None))
        closing.start()
        found = walked(
            lambda: program(
                *("psi", "connect", listener.address, "--identity", place / "globex", "--peer", place / "acme.crt"),
                *("--input", place / "globex.parquet", "--key", "e:email", "--timeout", "20", "--json"),
            )
        )
        closing.join()
    assert {"command.py:connect_", "choices.py:Choices.of", "own_side.py:prepared"} <= found
    assert len(found) <= 12, sorted(found)
