"""Names and constants of the group. Everything here is public and part of the protocol (docs/protocol.md)."""

from __future__ import annotations

FIELD_PRIME = 2**255 - 19  # RFC 7748, section 4.1
MONTGOMERY_A = 486662  # v^2 = u^3 + A*u^2 + u
ORDER = 2**252 + 27742317777372353535851937790883648493  # of the prime-order subgroup
COFACTOR = 8

ELEMENT_BYTES = 32

# The hash is RFC 9380's suite of this name (section 8.5). A session names the suite in its terms; the domain
# separation tag follows RFC 9380, section 3.1: protocol, version, suite. Other values would be another suite.
SUITE = "curve25519_XMD:SHA-512_ELL2_NU_"
DST = b"psiselect-v1-with-" + SUITE.encode()
