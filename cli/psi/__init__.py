"""`psiselect psi`.

    group      where each command is
    command    sessions over the network or on this machine; offline: those by files; verify: the check of a signed
               record; check: that of a list
    options    what click takes; addresses: those among them; given: the same as one typed object
    choices    the same checked together, in groups
    table      how a list is named; columns, values: options about columns that travel and values that add up
    own_side   this side of a session, ready for its peer
    policy     the policy, asked; runs: the sessions that it has counted
    records    audit line and signed record; results: what was found, written and said
    files      each file of a command has one purpose; spare: where a result is kept that cannot be written
    resume     sessions that are kept; serve, served: a listener that stays up, its sessions; config: its options in a
               file; renewal: its certificates; service_state: what it says of itself
    json_log   its log; log_writer: where log lines go

Rule: what can go wrong on this side alone comes before the peer is called.
"""
