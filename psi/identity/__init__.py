"""Who a party is, and how the other side knows.

    identity     a party's keys on disk, and a peer's certificate
    files        where its files are, and whether a private key may be used
    certificate  the X.509 certificate: how it is made, and what is taken for one
    signing      what the protocol needs of both
    words        every error and note

Rule: a certificate is trusted because the user names it, never because somebody signed it.
"""
