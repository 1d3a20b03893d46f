"""The vectorised backend: LLVM vector code, one curve point per 64-bit lane.

    field       what a field of 2^255 - 19 must do: read it first; doubles, ifma: two of them, the latter on
    ranges      numbers with their bounds, and multiply52: its two instructions
    routines    the field's operations as functions
    ladder      X25519; inversion: powers and inverses; elligator2, sha512, tags: hashing onto the curve
    codegen     a thin language for straight-line vector code; module: all of it put together
    compiler    to native code; image: the code as one block; cache: on disk; kernel: found or compiled, and called
    target      which processor this is; selftest: answers that the code must give; backend: what the project sees

Rule: no branch and no index in the code depends on a scalar.
"""
