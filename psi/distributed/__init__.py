"""The exchange by directories on DataFrames: for lists that lie on Spark, or on Sail. An engine is no dependency.

    engines       sessions: started, reached or held; what must be installed and encrypted; failures: what they raise
    places        folders and addresses that an engine reads and writes; the list, and where matched rows go
    packs         many values in one cell, by bucket, so that an engine moves few rows
    distinct      what a task does to find the distinct keys of the own list
    functions     what a task does with the own list and for the peer: hash and mask, tag, seal
    received      what a task does with a peer's columns: open, reply, unmask and tag, match
    secret_files  where tasks read scalars and keys from: private files, or what a key on their machine opens
    steps         the same as steps on DataFrames
    own_list      the own list: gathered, counted, and its rows that match
    parties       offer, answer and finish, from these steps
    words         every error

Rule: no secret goes into a plan, and whatever a peer can spoil comes back as a row, not as an exception of a task.
"""
