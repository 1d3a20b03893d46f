"""A listener that keeps running.

    serving        which sessions run, until it is told to stop
    current_table  the table of sessions to come, when the file behind it may be replaced
    expiry         how long certificates are still valid, and when to say so
    room           whether results and audit lines can be written
    heap           one heap of the C library for all threads
    facts          what the listener says of itself, for health checks and metrics
    words          why a session had to end, lines of the log, metrics

Rule: no session, however it ends, ends the listener.
"""
