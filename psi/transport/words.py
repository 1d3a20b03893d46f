"""What people read from this room: every error about addresses and links, and what a listener says in its log.

Half a sentence about "the other program" is about the other end of a connection.
"""

from __future__ import annotations

from psiselect.base.errors import RemoteError, TransportError, UsageError
from psiselect.base.words import human_seconds

# Addresses.


def no_address(text: str, problem: str) -> UsageError:
    return UsageError(f"{text!r} is not an address: {problem}")


FORM = "write HOST:PORT, such as 127.0.0.1:7000 or [::1]:7000"
HIGHEST_PORT = "the highest port is 65535"


def no_ipv6(host: str) -> str:
    return f"{host!r} is not an IPv6 address"


def no_ipv4(host: str) -> str:
    return f"{host!r} is not an IPv4 address, which has four numbers from 0 to 255"


def no_host(host: str) -> str:
    return f"{host!r} cannot be the name of a machine"


# Certificates.


def no_identity() -> UsageError:
    return UsageError("no identity was given, and a connection needs one. Give yours with --identity DIR/NAME")


def no_peer() -> UsageError:
    return UsageError(
        "no certificate of a peer was given, and a connection needs one. Name the peer's .crt file with --peer"
    )


def own_as_peer() -> UsageError:
    return UsageError("the peer's certificate must not be your own. Give the certificate of the other party")


def own_expired(name: str) -> str:
    return f"your own certificate, '{name}', has expired. Create a new identity, and send its .crt file to the peer"


def not_pinned(fingerprint: str) -> TransportError:
    return TransportError(its_certificate(fingerprint, UNKNOWN_HERE))


def its_certificate(fingerprint: str, what: str) -> str:
    return f"the certificate of the other program{fingerprint} {what}"


UNKNOWN_HERE = "is not one that you have named with --peer or in the parties file"
_ISSUED = "was issued by somebody else. Both sides need certificates that `psiselect identity create` wrote"
VERIFY_REASONS = {  # OpenSSL's X509_V_ERR_*
    9: "is not valid yet. Check the clocks of both machines",
    10: "has expired",
    24: _ISSUED,
    79: _ISSUED,
}

# TLS.

DROPPED = "the other program dropped the connection"
NO_ANSWER = "the other program did not answer in time"
_NOT_TLS = "the other program does not use encryption (TLS)"
_OLD_TLS = "the other program does not use TLS 1.3"
_REFUSED = "the other program refused your certificate"
_CHANGED = "somebody or something changed the data in transit (technical detail: bad record MAC)"
TLS_REASONS = {  # OpenSSL's reason strings
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "the other program showed no certificate",
    "WRONG_VERSION_NUMBER": _NOT_TLS,
    "HTTP_REQUEST": _NOT_TLS + " but HTTP",
    "HTTPS_PROXY_REQUEST": _NOT_TLS + " but HTTP",
    "PACKET_LENGTH_TOO_LONG": _NOT_TLS,
    "RECORD_LAYER_FAILURE": _NOT_TLS,
    "BAD_RECORD_TYPE": _NOT_TLS,
    "UNSUPPORTED_PROTOCOL": _OLD_TLS,
    "TLSV1_ALERT_PROTOCOL_VERSION": _OLD_TLS,
    "TLSV1_ALERT_UNKNOWN_CA": "the other program does not know your certificate. Send the peer your .crt file",
    "SSLV3_ALERT_BAD_CERTIFICATE": _REFUSED
    + ", which is not valid yet by the other clock. Check the clocks of both machines",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": _REFUSED
    + ", which has expired. Create a new identity, and send its .crt file to the peer",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": _REFUSED,
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": _REFUSED,
    "TLSV1_CERTIFICATE_UNOBTAINABLE": "the certificate of the other program has expired. Ask the peer for a new one",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the other program asked for a certificate, but this program sent none",
    "DECRYPTION_FAILED_OR_BAD_RECORD_MAC": _CHANGED,
    "SSLV3_ALERT_BAD_RECORD_MAC": _CHANGED,
}


def tls_failed(reason: object) -> str:
    return f"the encrypted connection (TLS) failed ({reason})"


def network_failed(reason: object) -> str:
    return f"the network failed ({reason})"


def too_much_before_handshake() -> TransportError:
    return TransportError(
        "the other program sent too much data before the two programs had recognized each other (TLS handshake)"
    )


def empty_records() -> RemoteError:
    return RemoteError(
        "the other side sent data that does not follow the protocol. Ask them which program and version they run "
        "(technical detail: many TLS records without data)"
    )


# Calling and listening.


def no_session_at(target: object, why: object) -> TransportError:
    return TransportError(f"cannot begin a session with the program at {target}: {why}")


def not_called(address: object, reason: str | None) -> TransportError:
    return TransportError(f"cannot connect to {address}: {reason}")


def gave_up(problem: str, seconds: float, why: object) -> TransportError:
    return TransportError(
        f"{problem} {human_seconds(seconds)} ({why}). Check the address, and that the other program is running"
    )


def not_found(host: str) -> str:
    return f"cannot find the machine '{host}', although the program tried for"


def nobody_listened(address: object) -> str:
    return f"no program was listening at {address} within"


def cannot(doing: str, address: object, why: str, remedy: str) -> TransportError:
    return TransportError(f"cannot {doing} on {address}: {why}{remedy}")


PORT_TAKEN = ". Stop the program that listens there, or choose another port"
NOT_OURS = ". This machine does not have that address. Name an address of this machine, or * for all its addresses"
LOW_PORT = ". Choose a port above 1023, or allow this user to use lower ports"


def closed_listener() -> UsageError:
    return UsageError("this listener is closed already. Make a new listener")


def no_room(peer: str, error: object) -> TransportError:
    return TransportError(f"this machine cannot run a session with {peer} now: {error}")


def nobody_came(addresses: str, seconds: float, refused: int, last: str | None) -> TransportError:
    """refused: connections that were; last: why the last one was."""
    more = ""
    if refused:
        others = "another connection was" if refused == 1 else f"{refused:,} other connections were"
        more = f". Meanwhile {others} refused{'' if refused == 1 else ', the last one'} because {last}"
    return TransportError(
        f"none of the peers that you named has connected to {addresses} within {human_seconds(seconds)}{more}"
    )


# Links.

CLOSED = "the peer closed the connection before the session was over"
ROOM = "the peer to read what this program had sent"
NEXT_MESSAGE = "the peer's next message"


def no_progress(seconds: float, awaited: str) -> TransportError:
    return TransportError(
        f"the session made no progress for {human_seconds(seconds)} while this program waited for {awaited}"
    )


def closed() -> TransportError:
    return TransportError(CLOSED)


def ended(why: str) -> TransportError:
    return TransportError(why)


def thread_failed() -> TransportError:
    return TransportError("the part of this program that handles the connection failed. Start both sides again")


def broke(reason: str) -> str:
    return f"the connection to the peer broke: {reason}"


def frame_too_large(size: int, most: int) -> UsageError:
    return UsageError(
        "the session cannot go on, because of a bug in this program: it made a message that is too long to send. "
        f"Please report this (technical detail: {size} bytes; at most {most} are possible)"
    )


def closed_here() -> UsageError:
    return UsageError("this side has closed the connection already. Start a new session")


def frame_length(length: int, most: int) -> RemoteError:
    return RemoteError(
        "the other side sent data that does not follow the protocol. Ask them which program and version they run "
        f"(technical detail: a message of {length} bytes; expected 1 to {most} bytes)"
    )


def cut_frame() -> RemoteError:
    return RemoteError("the connection ended in the middle of a message from the peer. Start both sides again")


# The log of a listener.

ACCEPTED = "accepted %s from %s"
REFUSED = "refused a connection from %s: %s"
TURNED_AWAY = "turned away %s from %s: %s"
NOT_ACCEPTED = "cannot accept a connection: %s"
BUG = "a bug ended a connection from %s"
BUG_HERE = "this side's program has a bug"
NO_SLOT = "there is no slot for one more session now"
NO_ROOM_NOW = "this machine cannot run one more session now"
NO_ROOM_LEFT = "this machine has no more free files or threads"
GAVE_WAY = "too many connections had begun and were not complete (TLS handshake), and this one had to give way"
TOO_SLOW = "the other program did not complete the beginning of the connection (TLS handshake) in time"
TOO_MANY_WAIT = "too many other peers came while this one waited for a slot"
HEALTH = "the health check: %s"
HEALTH_BUG = "a bug ended an answer to a health check"
ONLY_GET = "only GET and HEAD work here"
