"""What people read from this room: why a session had to end, lines of the log, and what each metric is."""

from __future__ import annotations

from psiselect.base.words import human_seconds

# Why a session had to end.


def too_long(seconds: float) -> str:
    return f"the session took longer than {human_seconds(seconds)}, the longest time that a session may take here"


def not_begun(seconds: float) -> str:
    return f"the peer did not begin the session within {human_seconds(seconds)}"


NO_ROOM = "this machine cannot run one more session now"

# The log.

NO_ROOM_FOR_RESULTS = "no disk space for results: %s"
ROOM_AGAIN = "there is disk space for results again"
BUG_IN_ROOM = "a bug in this program stopped its check for disk space"
BUG_IN_ACCEPTING = "because of a bug in this program, it did not accept a peer"
BUG_IN_SESSION = "a bug in this program ended a session"

# Metrics, as Prometheus shows them.

SESSIONS = "Sessions that have ended."
RUNNING = "Sessions that are running now."
PLACES = "Sessions that may run at once."
SENT = "Bytes sent in sessions."
RECEIVED = "Bytes received in sessions."
SECONDS = "Seconds that sessions took."
READY = "1 if a session can begin now, else 0."
CERTIFICATE_DAYS = "Days until the certificate of this side expires."
TABLE_READABLE = "1 if the program could read the table at the last attempt, else 0."
RESULTS_WRITABLE = "1 if there was disk space for results and audit lines at the last attempt, else 0."
TABLE_AGE = "Seconds since the table was read."
