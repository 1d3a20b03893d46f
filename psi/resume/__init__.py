"""Sessions that outlive their link and their process: what is kept on disk, and how two sides go on where they stopped.

    folder      one session's folder: its lock and its manifest (seed, terms, digest of the list)
    journal     one append-only file: every frame that came and went, every result of the group
    memo        a backend that never computes twice what the journal holds, nor anything else in its place
    party       a party whose every step is in the journal: replayed at the start, then live
    inputs      the digest of all that goes in
    greeting    RESUME: do both sides mean the same session, and how far did the other get?
    plan        what one side of a session is to be
    opening     from a folder to its party: the one that is kept there, or a new one
    stages      how far a process is with a session, and where it may go from there
    session     a session from its first link to its end: the loop over links that come and go
    words       every error and note

Rule: nothing goes out before all that led to it is on disk. The party is deterministic (decision 0120),
so what a crash took away is computed again to the same bits, and what may have gone out is sent again as stored.
"""
