"""The group: Curve25519 by x-coordinate, RFC 9380 hashing onto it, and the backends that compute it."""
