"""The hot loops of the fast mode: whole arrays in, whole arrays out.

    interface   what a set of kernels must do
    portable    NumPy and hashlib

Rule: every set of kernels gives the same bytes.
"""
