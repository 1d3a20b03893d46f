"""What a side allows, and what it keeps on file about its sessions.

    policy       what is allowed, from a TOML file
    session_counter  how often each peer has been met
    records      the record that both sides signed
    audit        one party's own log

Rule: private to its side; no identifier, key or cell is ever written here.
"""
