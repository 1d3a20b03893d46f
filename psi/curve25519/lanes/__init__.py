"""The vectorised backend: LLVM vector code, one curve point per 64-bit lane."""
