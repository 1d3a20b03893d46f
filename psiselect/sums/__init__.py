"""Sums that nobody has to disclose: what `psiselect mpc sum` and `psiselect.mpc_sum` both stand on.

    numbers  this party's numbers, from a table
    linear   one run of a sum or a mean: its terms, what is said before it, its result; charging: what it costs
    words    what people read from this room

Rule: what a run costs is paid before a share leaves.
"""
