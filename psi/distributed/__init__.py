"""The exchange by directories on DataFrames: for lists that lie on Spark, or on Sail. An engine is no dependency.

    functions     what a task does with batches: hash and mask, reply, tag, compare, seal, unseal
    secret_files  where tasks read scalars and keys from: files that only their owner can read
    steps         the same as steps on DataFrames, and what an engine must promise before it sees a list
    parties       offer, answer and finish, from these steps

Rule: no secret goes into a plan, and whatever a peer can spoil comes back as a row, not as an exception of a task.
"""
