"""Ways for frames to reach the peer: memory (tests, psi local), mutual TLS 1.3, files."""
