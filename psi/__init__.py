"""Two-party private set intersection on Curve25519. Start at `psi.session` (run it) or `psi.protocol` (read it)."""
