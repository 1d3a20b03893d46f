"""What people read from this room: every error about addresses and links, and what a listener says in its log.

Half a sentence that begins with "it" is about the other end of a connection.
"""

from __future__ import annotations

from psiselect.base.errors import RemoteError, TransportError, UsageError

# Addresses.


def no_address(text: str, problem: str) -> UsageError:
    return UsageError(f"{text!r} is not an address: {problem}")


FORM = "expected HOST:PORT, such as 127.0.0.1:7000 or [::1]:7000"
HIGHEST_PORT = "the highest port is 65535"


def no_ipv6(host: str) -> str:
    return f"{host!r} is not an IPv6 address"


def no_ipv4(host: str) -> str:
    return f"{host!r} is not an IPv4 address, which has four numbers from 0 to 255"


def no_host(host: str) -> str:
    return f"{host!r} cannot be the name of a machine"


# Certificates.


def no_identity() -> UsageError:
    return UsageError("no identity was given, so nobody could connect; name an identity")


def no_peer() -> UsageError:
    return UsageError("no certificate of a peer was given, so nobody could connect; name a certificate")


def own_as_peer() -> UsageError:
    return UsageError("your own certificate was given as the peer's; give the certificate of the other party")


def own_expired(name: str) -> str:
    return f"this side's certificate {name} has expired"


def not_pinned(fingerprint: str) -> TransportError:
    return TransportError(its_certificate(fingerprint, UNKNOWN_HERE))


def its_certificate(fingerprint: str, what: str) -> str:
    return f"its certificate{fingerprint} {what}"


UNKNOWN_HERE = "is not one that you have named (--peer, or the parties file)"
_ISSUED = "was issued by another party; name one that `psiselect identity create` has made"
VERIFY_REASONS = {  # OpenSSL's X509_V_ERR_*
    9: "is not valid yet; check the clocks of both machines",
    10: "has expired",
    24: _ISSUED,
    79: _ISSUED,
}

# TLS.

DROPPED = "it dropped the connection"
NO_ANSWER = "it did not answer in time"
_NOT_TLS = "it does not speak TLS"
_OLD_TLS = "it does not speak TLS 1.3"
_REFUSED = "it refused this side's certificate"
_CHANGED = "bytes were changed on their way (bad record MAC)"
TLS_REASONS = {  # OpenSSL's reason strings
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it showed no certificate",
    "WRONG_VERSION_NUMBER": _NOT_TLS,
    "HTTP_REQUEST": _NOT_TLS + " but HTTP",
    "HTTPS_PROXY_REQUEST": _NOT_TLS + " but HTTP",
    "PACKET_LENGTH_TOO_LONG": _NOT_TLS,
    "RECORD_LAYER_FAILURE": _NOT_TLS,
    "BAD_RECORD_TYPE": _NOT_TLS,
    "UNSUPPORTED_PROTOCOL": _OLD_TLS,
    "TLSV1_ALERT_PROTOCOL_VERSION": _OLD_TLS,
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know your certificate; send the peer your .crt file",
    "SSLV3_ALERT_BAD_CERTIFICATE": _REFUSED + ": it is not valid there yet; check the clocks of both machines",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": _REFUSED
    + ": it has expired; make a new identity and send the peer its .crt file",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": _REFUSED,
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": _REFUSED,
    "TLSV1_CERTIFICATE_UNOBTAINABLE": "its own certificate has expired; ask its owner for a new one",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it demanded a certificate and got none",
    "DECRYPTION_FAILED_OR_BAD_RECORD_MAC": _CHANGED,
    "SSLV3_ALERT_BAD_RECORD_MAC": _CHANGED,
}


def tls_failed(reason: object) -> str:
    return f"TLS failed ({reason})"


def network_failed(reason: object) -> str:
    return f"the network failed ({reason})"


def too_much_before_handshake() -> TransportError:
    return TransportError("it sent too much data before the two programs had recognized each other (TLS handshake)")


def empty_records() -> RemoteError:
    return RemoteError(
        "the other side sent data that does not follow the protocol. Ask them which program and version they run "
        "(technical detail: many TLS records without data)"
    )


# Calling and listening.


def no_session_at(target: object, why: object) -> TransportError:
    return TransportError(f"no session with the listener at {target}: {why}")


def not_called(address: object, reason: str | None) -> TransportError:
    return TransportError(f"cannot call {address}: {reason}")


def gave_up(problem: str, seconds: float, why: object) -> TransportError:
    return TransportError(f"{problem} {seconds:g} s ({why})")


def not_found(host: str) -> str:
    return f"cannot find {host}, tried for"


def nobody_listened(address: object) -> str:
    return f"nobody listened at {address} within"


def cannot(doing: str, address: object, why: str, remedy: str) -> TransportError:
    return TransportError(f"cannot {doing} on {address}: {why}{remedy}")


PORT_TAKEN = "; stop the program that listens there, or choose another port"
NOT_OURS = "; this machine does not have that address: name one of its own, or * for all"
LOW_PORT = "; choose a port above 1023, or allow this user to use lower ports"


def closed_listener() -> UsageError:
    return UsageError("this listener was closed")


def no_room(peer: str, error: object) -> TransportError:
    return TransportError(f"this machine cannot run a session with {peer} now: {error}")


def nobody_came(addresses: str, seconds: float, refused: int, last: str | None) -> TransportError:
    """refused: connections that were; last: why the last one was."""
    more = f"; {refused} other connections were refused, the last because {last}" if refused else ""
    return TransportError(f"no peer that you have named connected to {addresses} within {seconds:g} s{more}")


# Links.

CLOSED = "the peer closed the connection before the session was over"
ROOM = "the peer to read what was sent"
NEXT_MESSAGE = "the peer's next message"


def no_progress(seconds: float, awaited: str) -> TransportError:
    return TransportError(f"no progress for {seconds:g} s while waiting for {awaited}")


def closed() -> TransportError:
    return TransportError(CLOSED)


def ended(why: str) -> TransportError:
    return TransportError(why)


def thread_failed() -> TransportError:
    return TransportError("the part of this program that handles the connection failed; start both sides again")


def broke(reason: str) -> str:
    return f"the connection to the peer broke: {reason}"


def frame_too_large(size: int, most: int) -> UsageError:
    return UsageError(f"a message of {size} bytes is too long to send; at most {most} bytes are allowed")


def closed_here() -> UsageError:
    return UsageError("this side has closed the connection already")


def frame_length(length: int, most: int) -> RemoteError:
    return RemoteError(
        "the other side sent data that does not follow the protocol. Ask them which program and version they run "
        f"(technical detail: a message of {length} bytes; expected 1 to {most} bytes)"
    )


def cut_frame() -> RemoteError:
    return RemoteError("the connection ended in the middle of a message from the peer; start both sides again")


# The log of a listener.

ACCEPTED = "accepted %s from %s"
REFUSED = "refused a connection from %s: %s"
TURNED_AWAY = "turned away %s from %s: %s"
NOT_ACCEPTED = "cannot accept a connection: %s"
BUG = "a bug ended a connection from %s"
BUG_HERE = "this side's program has a bug"
NO_SLOT = "there is no slot for one more session with it now"
NO_ROOM_NOW = "this machine cannot run one more session with it now"
NO_ROOM_LEFT = "this machine has no more free files or threads"
GAVE_WAY = "too many connections had begun and not been completed (TLS handshake), and this one had to give way"
TOO_SLOW = "it did not complete the beginning of the connection (TLS handshake) in time"
TOO_MANY_WAIT = "too many others came while it waited for a slot"
HEALTH = "the health check: %s"
HEALTH_BUG = "a bug ended an answer to a health check"
ONLY_GET = "only GET and HEAD"
