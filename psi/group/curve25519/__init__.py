"""Curve25519 by x-coordinate, RFC 9380 hashing onto it, and the backends that compute it.

    suite      names and constants; scalar: secret scalars
    backend    what a backend must do, and how one is chosen
    lanes/     vector code by LLVM
    portable   `cryptography` in worker processes; rowwise: the code that these run
    reference  big integers, as close to the RFCs as can be: for tests only

Rule: every backend gives the same bytes.
"""
