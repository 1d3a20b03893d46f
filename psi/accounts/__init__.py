"""What a side allows, and what it keeps on file about its sessions.

    policy           what is allowed, from a TOML file
    session_counter  how many sessions each peer has had
    records          the record that both sides signed
    audit            one party's own log; results_file: the results of a listener that keeps running
    line_file        what these two are on disk
    session_file     names of files that each session writes anew
    words            every error

Rule: private to its side; no identifier, key or cell is ever written here.
"""
