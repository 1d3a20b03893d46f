"""What people read from this room: why a session had to end, lines of the log, and what each metric is."""

from __future__ import annotations

# Why a session had to end.


def too_long(seconds: float) -> str:
    return f"the session took longer than the {seconds:g} s that one may take"


def not_begun(seconds: float) -> str:
    return f"the peer did not begin the session within {seconds:g} s"


NO_ROOM = "this side has no room for a session"

# The log.

NO_ROOM_FOR_RESULTS = "no room for results: %s"
ROOM_AGAIN = "there is room for results again"
BUG_IN_ROOM = "looking for room met a bug"
BUG_IN_ACCEPTING = "accepting a peer met a bug"
BUG_IN_SESSION = "a session met a bug"

# Metrics, as Prometheus shows them.

SESSIONS = "Sessions that are over."
RUNNING = "Sessions that run now."
PLACES = "Sessions that may run at once."
SENT = "Bytes sent in sessions."
RECEIVED = "Bytes received in sessions."
SECONDS = "Seconds that sessions took."
READY = "1 when a session can begin, else 0."
CERTIFICATE_DAYS = "Days until one's own certificate expires."
TABLE_READABLE = "1 when the table could be read when last tried."
RESULTS_WRITABLE = "1 when there was room for results and audit lines when last tried."
TABLE_AGE = "Seconds since the table was read."
