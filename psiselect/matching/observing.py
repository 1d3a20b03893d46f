"""What a service sees of its sessions: events in the log, and a span of OpenTelemetry where that is installed.

Events carry facts of a fixed list (`FACTS`) and nothing that depends on which rows match. They go to the logger
`psiselect.session`, with the event's name and its facts as `psiselect.base.events` puts them.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from psi.identity.identity import Identity, PeerIdentity
from psi.protocol.setup import Setup
from psi.session.session import SessionResult
from psiselect.base.errors import classify
from psiselect.base.events import event
from psiselect.matching import words
from psiselect.talk import LOGGER

SPAN = "psiselect.session"
# All that is said of a session. Of these, own_size and what follows are known when it is over.
FACTS = (
    "peer",
    "fingerprint",
    "own",
    "side",
    "reveal",
    "own_size",
    "peer_size",
    "transcript",
    "seconds",
    "bytes_sent",
    "bytes_received",
    "code",
    "kind",
    "term",
)


def observed(setup: Setup, identity: Identity, peer: PeerIdentity, run: Callable[[], SessionResult]) -> SessionResult:
    """Run a session; its beginning and its end are events, and it is a span. Raises what `run` raises."""
    known = {
        "peer": peer.name,
        "fingerprint": peer.fingerprint.hex()[:16],
        "own": identity.fingerprint.hex()[:16],
        "side": setup.side.value,
        "reveal": setup.terms.reveal.value,
    }
    began = time.monotonic()
    with _span(known) as span:
        LOGGER.info("session with %s", peer.name, extra=event("session_started", **known))
        try:
            result = run()
        except BaseException as error:
            code, kind = classify(error)
            if isinstance(error, KeyboardInterrupt | SystemExit):
                kind = "interrupted"
            facts: dict[str, object] = {"code": code, "kind": kind, "term": getattr(error, "term", None)}
            facts["seconds"] = round(time.monotonic() - began, 3)
            span(facts)
            LOGGER.warning(words.CALL_FAILED, peer.name, extra=event("session_failed", **known, **facts))
            raise
        facts = {
            "code": 0,
            "transcript": result.transcript[:8].hex(),
            "own_size": result.own_size,
            "peer_size": result.peer_size,
            "seconds": round(result.seconds, 3),
            "bytes_sent": result.bytes_sent,
            "bytes_received": result.bytes_received,
        }
        span(facts)
        LOGGER.info(words.SESSION_DONE, peer.name, extra=event("session_done", **known, **facts))
        return result


@contextlib.contextmanager
def _span(known: dict[str, str]) -> Iterator[Callable[[dict[str, Any]], None]]:
    """A span for as long as the session lasts; what it yields adds facts. Without the library, nothing."""
    try:
        from opentelemetry import trace
        from opentelemetry.trace import Status, StatusCode
    except ImportError:
        yield lambda facts: None
        return
    tracer = trace.get_tracer("psiselect")
    attributes = {f"psiselect.{name}": value for name, value in known.items()}
    # Errors are told by their kind: their words are for the caller.
    with tracer.start_as_current_span(
        SPAN, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as span:

        def add(facts: dict[str, Any]) -> None:
            for name, value in facts.items():
                if value is not None:
                    span.set_attribute(f"psiselect.{name}", value)
            if facts["code"] != 0:
                span.set_status(Status(StatusCode.ERROR, facts["kind"]))

        yield add
