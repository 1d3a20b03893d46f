"""Pieces of text that mean something to some format of ballots, and bytes that mean nothing to any."""

TOKENS = [
    *(bytes([byte]) for byte in b'{}[],:;"#|&*!?-%@\\\t\r\n \x00\x1b\x7f\x85\xff'),
    b"\r\n", b"\n\n", b"{}", b"{{", b"}}", b"''", b'""', b"- - - -", b"[" * 40, b"{" * 40, b"\n  ",
    b"0", b"-1", b"1e9", b"00", b"0x1", b"1_000", b"NaN", b"999999999999999", b"9" * 30, b"9" * 5000,
    b"&a [0]", b"*a", b"!!python/object:os.system", b"--- ", b"...", b"<<: ",
    b"META", b"PROJECTS", b"VOTES", b"vote_type;", b"max_length;0\n", b"key;value",
    b"# NUMBER ALTERNATIVES: 999999\n", b"# ALTERNATIVE NAME 5: Eve\n", b"# DATA TYPE: toi\n",
    b"num_cand: 99999\n", b"profile: ", b"voter_weights: [1]\n", b"approved", b"Ada", b"Bo;Bo", b",,,,",
    "\ufeff".encode(), "\u202e".encode(), "\u0661".encode(), "\u2028".encode(), "\U0001f5f3".encode(),
    b"\xc3", b"\xed\xa0\x80",
]  # fmt: skip
