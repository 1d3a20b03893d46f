"""Fixed-width rows and byte strings that may outgrow memory.

    spool       columns of fixed-width rows, in memory or on disk, and how two are matched
    partitions  byte strings in 256 partitions, one in memory at a time
    scratch     private files without a name
    rows        rows compared as numbers
    words       every error

Rule: nothing here knows what a row means.
"""
