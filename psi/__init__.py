"""Two-party private set intersection on Curve25519.

The rooms, from the ground floor up, are listed in docs/architecture.md. Start at `psi.session.session` (run it) or
`psi.protocol.party` (read it).

Rule: a room imports only from lower floors, and `psi` has no modules outside its rooms.
"""
