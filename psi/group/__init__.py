"""Arithmetic of the protocol: a group, and what is hashed and derived with it. Whole arrays in, whole arrays out.

    curve25519/  the group, and the backends that compute it
    masking      which elements are refused, how elements are compared, what is derived from them
    words        every error, and why vector code is not used

Rule: no branch and no index here depends on a scalar.
"""
