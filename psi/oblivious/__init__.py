"""Oblivious transfer: base transfers and their extension, for the sum over matches."""
