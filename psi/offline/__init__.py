"""The same protocol by files, for parties that cannot open a port.

    exchange  offer, answer and finish: frames in, frames out; run: one run of the protocol
    envelope  a file: encrypted to one identity, signed by another
    state     what an offerer must keep, secret, until the answer comes
    answered  which offers a party has answered

Rule: an offer is answered once.
"""
