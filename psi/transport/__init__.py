"""Ways for frames to reach the peer.

    wire        frames as bytes
    channel     what every channel offers; queue: what channels share; memory: within one process
    tls         calling a peer over mutual TLS 1.3; tlschannel: the channel; pinning: who is at the other end
    stream      TLS in steps of bounded work, so that no peer keeps a thread from its deadlines
    listener    the listening end; listening: its sockets; credentials: what it shows and whom it lets in
    reception   everybody who has connected and has no channel yet
    address     HOST:PORT; health: answers to health checks; heartbeat: whether a loop still turns
    words       every error, and what a listener says in its log

Rule: nothing here knows what a frame means.
"""
