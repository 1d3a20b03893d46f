"""A listener that stays up.

    serving        which sessions run, until it is told to stop
    current_table  the table of sessions to come, when the file behind it may be replaced

Rule: no session, however it ends, ends the listener.
"""
