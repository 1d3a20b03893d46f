"""A run of `matches` without curves but for its base transfers (docs/fast-protocol.md). Experimental, not reviewed.

    hermitian   the code: symbols of F_16 from the points of the Hermitian curve
    parameters  sizes, and what they are derived from
    items       from an item to its place, its value and its band, by salted hashes
    band        the store of values that shows no keys: solved by elimination in a band
    expansion   the vectors of both sides, slice by slice; encoding and scaling by the code
    lookup      an item's symbols from the slices, in one sweep
    tags        from symbols to tags and label keys
    kernels/    the hot loops, compiled or on NumPy
    cost        work, bytes and memory of a run
    states      which message may come when; messages: their numbers and forms
    run         what the two sides share; receiver, sender: the sides, without input or output
    comparison  from the tags of both sides to matches
    words       every error and warning

Rule: no branch and no index depends on Delta, on a seed or on a choice of a transfer. Some do on an item's salted hash.
"""
