"""Two-party private set intersection on Curve25519. Start at `psi.session.session` (run it) or `psi.protocol.party`
(read it)."""
