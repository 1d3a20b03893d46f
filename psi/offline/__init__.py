"""The same protocol by files, for parties that cannot open a port.

    exchange  offer, answer and finish: frames in, frames out; run: one run of the protocol
    envelope  a file: encrypted to one identity, signed by another
    by_parts  offer, answer and finish by directories, on columns that ascend; chunks: what a column is cut into
    manifest  what a directory lists; directory: its files on this machine's disk
    state     what an offerer must keep, secret, until the answer comes
    answered  which offers a party has answered
    words     every error

Rule: an offer is answered once.
"""
