"""The protocol (docs/protocol.md) without input or output: frames in, frames out.

    messages  what is said, and what binds it to a session
    states    the transition table: who may say what, when
    schedule  which runs a session has
    setup     what one side brings, and what it holds the peer's hello and sizes against
    party     one side of a session; run: what its two roles share; receiver, sender, summing: the roles
    gate      the receiver of a count that decides whether the session goes on
    fast      a side of a run of the fast protocol, as a role
    words     every error about what the peer sends
    matching  from equal tags to matched records; outcome: what one side holds at the end

Rule: no file, no socket, no clock, no thread.
"""
