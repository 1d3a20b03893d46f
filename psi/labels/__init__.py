"""Columns that travel with a match.

    columns   gathered from the giver's table, joined to the receiver's
    payloads  the columns of one key's rows, as bytes of one width
    labels    payloads, sealed and opened
    words     every error

Rule: a label opens only under a key that its match gives.
"""
