"""The record of a session as a file: what both sides signed, both signatures, both certificates. No identifiers.

    {"certificates": {"connect": PEM, "listen": PEM}, "record": {...}, "signatures": {"connect": hex, "listen": hex}}

in canonical JSON (`psiselect.base.strict_json.encode`) and one newline. There is exactly one encoding of a record, and
another is refused, so that no bit of the file can change unnoticed. The signed content is docs/protocol.md, "Record and
end".
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

from psi.accounts import words
from psi.agreement.column_terms import ColumnTerms
from psi.agreement.modes import SessionProtocol, Side
from psi.agreement.terms import PROTOCOL_VERSION, Terms
from psi.identity.identity import PeerIdentity
from psi.protocol import messages
from psiselect.base import strict_json
from psiselect.base.errors import InputError, RemoteError

MAX_BYTES = strict_json.MAX_BYTES
_FORMAT = "psiselect-1"
_HEX = frozenset("0123456789abcdef")
_MAX_SIZE = 1 << 40
_MAX_TIME = 1 << 40
TERM_NAMES = tuple(field.name for field in fields(Terms))


@dataclass(frozen=True, slots=True)
class SignedRecord:
    """A record with its signatures and the certificates to check them by. Decoded is not verified: call `verify`."""

    content: dict[str, Any]
    signatures: dict[Side, bytes]
    certificates: dict[Side, PeerIdentity]

    def encode(self) -> bytes:
        """The file's bytes."""
        body = {
            "certificates": {side.value: self.certificates[side].pem for side in Side},
            "record": self.content,
            "signatures": {side.value: self.signatures[side].hex() for side in Side},
        }
        return strict_json.encode(body) + b"\n"

    @classmethod
    def decode(cls, data: bytes, source: str = "record") -> Self:
        """Parse a file's bytes strictly; `source` names it in errors. Raises InputError."""
        try:
            body = strict_json.decode(data, "record")
            _names(body, {"certificates", "record", "signatures"}, "the file")
            if strict_json.encode(body) + b"\n" != data:
                raise words.in_record(words.NOT_CANONICAL)
            _check_content(strict_json.field(body, "record", dict, "record"))
            signatures = _by_side(body, "signatures", str)
            certificates = _by_side(body, "certificates", str)
            record = cls(
                body["record"],
                {side: _hex(text, messages.SIGNATURE_BYTES, "signatures") for side, text in signatures.items()},
                {side: _certificate(text, side) for side, text in certificates.items()},
            )
            if record.encode() != data:
                raise words.in_record(words.NOT_CANONICAL)  # a certificate in another form of PEM
        except RemoteError as error:  # the strict decoder speaks of peers; a file's fault is the file's
            reason = str(error).replace("the peer's record", "it")
            raise words.no_record(source, reason, error.term) from None
        return record

    def verify(self) -> None:
        """Check both certificates against the record and both signatures. Raises RemoteError, naming the side."""
        signed = strict_json.encode(self.content)
        for side in Side:
            certificate = self.certificates[side]
            if certificate.fingerprint.hex() != self.content["fingerprints"][side.value]:
                raise words.other_certificate(side.value)
            try:
                certificate.verify(self.signatures[side], messages.signed_bytes("record", side, signed))
            except RemoteError:
                raise words.not_signed(side.value, certificate.name) from None

    def side_of(self, fingerprint: bytes) -> Side | None:
        """The side that holds a certificate; None when neither does."""
        return next((side for side in Side if self.certificates[side].fingerprint == fingerprint), None)


def _check_content(content: dict[str, Any]) -> None:
    """The form of what was signed. Raises RemoteError."""
    fast = "protocol" in strict_json.field(content, "terms", dict, "record")
    names = {"counts", "fingerprints", "record", "sizes", "terms", "time", "transcript"}
    _names(content, names | {"status"} if fast else names, "the record")
    if fast and content["status"] != SessionProtocol.FAST.status:
        raise words.in_record(words.STATUS, "status")
    if strict_json.field(content, "record", str, "record") != _FORMAT:
        raise words.in_record(words.OTHER_FORMAT, "record")
    _check_terms(content["terms"])
    _number(strict_json.field(content, "time", int, "record"), _MAX_TIME, "time")
    sizes = _by_side(content, "sizes", list)
    for listed in sizes.values():
        _numbers(listed, len(sizes[Side.LISTEN]), _MAX_SIZE, "sizes")
    for text in _by_side(content, "fingerprints", str).values():
        _hex(text, 32, "fingerprints")
    _hex(strict_json.field(content, "transcript", str, "record"), 64, "transcript")
    if content["counts"] is not None:
        most = min(max(listed) for listed in sizes.values())
        counts = strict_json.field(content, "counts", list, "record")
        _numbers(counts, len(content["terms"]["keys"]), most, "counts")


def _check_terms(terms: dict[str, Any]) -> None:
    # A record outlives the version that made it: the form has been the same in all of them.
    if not 1 <= strict_json.field(terms, "version", int, "record") <= PROTOCOL_VERSION:
        raise words.in_record(words.OTHER_VERSION, "version")
    _names(terms, set(TERM_NAMES) - ({"protocol"} - terms.keys()), "the terms")
    if "protocol" in terms and terms["protocol"] != SessionProtocol.FAST.identifier:
        raise words.in_record(words.UNKNOWN_PROTOCOL, "protocol")
    keys = strict_json.field(terms, "keys", list, "record")
    for key in keys:
        if not isinstance(key, dict):
            raise words.in_record(words.KEY_OF_TERMS, "keys")
        _names(key, {"rule", "digest"}, "a key")
    if terms["columns"] is not None:
        ColumnTerms.decode(strict_json.field(terms, "columns", dict, "record"))
    nested = ("keys", "columns")
    plain = [value for name, value in terms.items() if name not in nested] + [v for key in keys for v in key.values()]
    if not keys or not all(value is None or type(value) in (str, int) for value in plain):
        raise words.in_record(words.TERM, "terms")
    if not all(value.isprintable() for value in plain if isinstance(value, str)):
        raise words.in_record(words.TERM_NOT_PRINTABLE, "terms")


def _names(value: dict[str, Any], names: set[str], what: str) -> None:
    if value.keys() != names:
        raise words.in_record(words.other_fields(what))


def _by_side(value: dict[str, Any], name: str, kind: type) -> dict[Side, Any]:
    found = strict_json.field(value, name, dict, "record")
    _names(found, {side.value for side in Side}, name)
    return {side: strict_json.field(found, side.value, kind, "record") for side in Side}


def _number(value: int, most: int, name: str) -> None:
    if not 0 <= value <= most:
        raise words.in_record(words.impossible_number(name), name)


def _numbers(values: list[Any], count: int, most: int, name: str) -> None:
    if not values or len(values) != count or not all(type(value) is int for value in values):
        raise words.in_record(words.not_numbers(name, count), name)
    for value in values:
        _number(value, most, name)


def _hex(text: str, size: int, name: str) -> bytes:
    if len(text) != 2 * size or not _HEX.issuperset(text):
        raise words.in_record(words.not_hex(name, size), name)
    return bytes.fromhex(text)


def _certificate(text: str, side: Side) -> PeerIdentity:
    try:
        return PeerIdentity.from_pem(text.encode("ascii"))
    except (UnicodeEncodeError, InputError):
        raise words.in_record(words.certificate(side.value), "certificates") from None
