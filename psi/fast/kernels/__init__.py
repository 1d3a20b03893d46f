"""The hot loops of the fast mode: whole arrays in, whole arrays out.

    interface   what a set of kernels must do; loading: how one is chosen; choice: which go with a backend
    portable    NumPy, hashlib and Python's integers
    compiled    LLVM vector code, in the framework of psi.group.curve25519.lanes; module: its functions together;
                selftest: answers that it must give; hashing: which way to hash suits the processor

and, of the compiled code, sha256 (one message a lane), sha256_single (by SHA instructions), transpose
(bits of planes into rows), sums (of rows, by the bits of a band), elimination (the band solve) and folding (sums of
streams, and products by secret symbols).

Rule: every set of kernels gives the same bytes, and no branch or address depends on a stream or on a secret symbol.
"""
