"""One session of one party: a table on this side, a channel to the other.

    job              a table, its keys, and what they become in a session
    machine_memory   how much memory this process may use
    read_list        of a job what results need, whoever has read the list
    session          the loop between a party and a channel
    local            both parties in one process
    cost             what a session costs, by formulas; calibration: one measurement of this machine
    fast_cost        both for the fast protocol
    words            every error

Rule: whatever drives a party drives it from here.
"""
