"""SHA-512 (FIPS 180-4), one message a lane, and the hash_to_field of RFC 9380 for curve25519.

Messages are *prefix block* || head || item || tail, where the prefix block (128 bytes), the tail and the head's length
are common to all lanes and the items differ in content and length. The lanes run in step for as many blocks as the
longest has; a lane that is finished keeps its state by a mask. Timing depends on lengths, never on contents.
"""

from __future__ import annotations

from math import isqrt

from llvmlite import ir

from psi.group.curve25519.lanes.codegen import I8, I64, PTR, Code, Vec
from psi.group.curve25519.lanes.routines import Routines

BLOCK_BYTES = 128
WORDS = 16
STATE = 8
FIELD_WORDS = 6  # of a digest make one field element: 48 bytes


def _primes(count: int) -> list[int]:
    found: list[int] = []
    candidate = 2
    while len(found) < count:
        if all(candidate % p for p in found):
            found.append(candidate)
        candidate += 1
    return found


def _cube_root(n: int) -> int:
    """floor(n^(1/3))."""
    root = 1 << -(-n.bit_length() // 3)
    while root**3 > n:
        root = (2 * root + n // root**2) // 3
    return root


# FIPS 180-4, sections 4.2.3 and 5.3.5: fractional parts of the roots of the first primes.
ROUND_CONSTANTS = [_cube_root(p << 192) % 2**64 for p in _primes(80)]
INITIAL = [isqrt(p << 128) % 2**64 for p in _primes(8)]


def _rotate(x: Vec, *counts: int) -> Vec:
    """The xor of x rotated right by each count."""
    rotations = [(x >> n) | (x << (64 - n)) for n in counts]
    out = rotations[0]
    for rotation in rotations[1:]:
        out = out ^ rotation
    return out


def compress_function(r: Routines) -> ir.Function:
    """state = compress(state, block): 8 and 16 vectors; the block is used up."""
    table = ir.GlobalVariable(r.module, ir.ArrayType(I64, 80), "sha512_round_constants")
    table.initializer = ir.Constant(table.value_type, [ir.Constant(I64, k) for k in ROUND_CONSTANTS])
    table.linkage, table.global_constant = "internal", True
    code = r.code("sha512_compress", {"state": PTR, "block": PTR})
    state, block = code.args["state"], code.args["block"]
    working = code.scratch(STATE)
    for k in range(STATE):
        code.store(code.load(state, k, double=False), working, k)

    # Sixteen rounds at a time; each leaves the next sixteen words of the schedule in the block (the last for nothing:
    # it costs less than a second copy of the rounds costs to compile).
    with code.loop(0, 80, WORDS) as first:
        constants = code.at(table, code.builder.mul(first, ir.Constant(I64, 8)))
        w = [code.load(block, k, double=False) for k in range(WORDS)]
        a, b, c, d, e, f, g, h = (code.load(working, k, double=False) for k in range(STATE))
        for i in range(WORDS):
            constant = code.splat(code.load_word(code.at(constants, 8 * i)))
            choice = g ^ (e & (f ^ g))
            majority = (a & b) | (c & (a | b))
            t = h + _rotate(e, 14, 18, 41) + choice + (constant + w[i])
            a, b, c, d, e, f, g, h = t + _rotate(a, 28, 34, 39) + majority, a, b, c, d + t, e, f, g
            near, far = w[(i + 1) % WORDS], w[(i + 14) % WORDS]
            small = _rotate(near, 1, 8) ^ (near >> 7)
            large = _rotate(far, 19, 61) ^ (far >> 6)
            w[i] = w[i] + small + w[(i + 9) % WORDS] + large
        for k, value in enumerate((a, b, c, d, e, f, g, h)):
            code.store(value, working, k)
        for k in range(WORDS):
            code.store(w[k], block, k)
    for k in range(STATE):
        code.store(code.load(state, k, double=False) + code.load(working, k, double=False), state, k)
    return code.done()


def start_function(r: Routines, compress: ir.Function) -> ir.Function:
    """state = the state after one block common to all lanes: its 16 words at `block`, in the host's byte order."""
    code = r.code("sha512_start", {"state": PTR, "block": PTR})
    for k, word in enumerate(INITIAL):
        code.store(code.ints(word), code.args["state"], k)
    words = code.scratch(WORDS)
    _load_common(code, words, code.args["block"], 0)
    code.call(compress, code.args["state"], words)
    return code.done()


def _load_common(code: Code, words: ir.Value, common: ir.Value, first: int) -> None:
    """Words first..15 of a block from 64-bit numbers that all lanes share."""
    for k in range(first, WORDS):
        code.store(code.splat(code.load_word(code.at(common, 8 * (k - first)))), words, k)


def _copy_function(r: Routines) -> ir.Function:
    """Copies what the block [at, at+128) of a stream has of the segment that starts at `start`."""
    code = r.code("sha512_copy", {"block": PTR, "at": I64, "source": PTR, "start": I64, "length": I64})
    builder, at, start = code.builder, code.args["at"], code.args["start"]
    low = code.most(at, start)
    high = code.least(
        builder.add(at, ir.Constant(I64, BLOCK_BYTES)),
        builder.add(start, code.args["length"]),
    )
    count = code.most(builder.sub(high, low), ir.Constant(I64, 0))
    source = code.at(code.args["source"], builder.sub(low, start))
    target = code.at(code.args["block"], builder.sub(low, at))
    whole = builder.and_(count, ir.Constant(I64, -8))
    with code.loop(0, whole, 8) as i:
        code.store_word(code.load_word(code.at(source, i)), code.at(target, i))
    with code.loop(whole, count) as i:
        byte = builder.load(code.at(source, i), align=1, typ=I8)
        builder.store(byte, code.at(target, i), align=1)
    return code.done()


def absorb_function(r: Routines, compress: ir.Function) -> ir.Function:
    """Runs `state` over head || item || tail || padding for the rows first, first + 1, ... (the last row again past the
    end). heads: 32-byte rows, of which head_length bytes (0 or 32) count. The tail's last byte is the padding's 0x80,
    and one block of prefix has been absorbed before."""
    copy = _copy_function(r)
    arguments = {"state": PTR, "heads": PTR, "head_length": I64, "data": PTR, "offsets": PTR}
    code = r.code("sha512_absorb", {**arguments, "tail": PTR, "tail_length": I64, "first": I64, "last": I64})
    builder, args = code.builder, code.args
    zero, block_bytes = ir.Constant(I64, 0), ir.Constant(I64, BLOCK_BYTES)
    words, state = code.scratch(WORDS), code.scratch(STATE)
    bytes_ = code.scratch(WORDS)  # one 128-byte block a lane
    lanes = []
    longest: ir.Value = zero
    for lane in range(code.lanes):
        row = code.least(builder.add(args["first"], ir.Constant(I64, lane)), args["last"])
        begin_at = code.at(args["offsets"], builder.mul(row, ir.Constant(I64, 8)))
        begin, end = code.load_word(begin_at), code.load_word(code.at(begin_at, 8))
        head = code.at(args["heads"], builder.mul(row, args["head_length"]))
        length = builder.sub(end, begin)
        tail_start = builder.add(args["head_length"], length)
        total = builder.add(tail_start, args["tail_length"])
        # 16 bytes for the length field, rounded up to whole blocks.
        blocks = builder.ashr(builder.add(total, ir.Constant(I64, 16 + BLOCK_BYTES - 1)), ir.Constant(I64, 7))
        longest = code.most(longest, blocks)
        bits = builder.shl(builder.add(total, ir.Constant(I64, BLOCK_BYTES - 1)), ir.Constant(I64, 3))
        segments = [
            (head, zero, args["head_length"]),
            (code.at(args["data"], begin), args["head_length"], length),
            (args["tail"], tail_start, args["tail_length"]),
        ]
        lanes.append((segments, blocks, bits))
    with code.loop(0, longest) as index:
        at = builder.mul(index, block_bytes)
        going, lengths = [], []
        for lane, (segments, blocks, bits) in enumerate(lanes):
            target = code.at(bytes_, BLOCK_BYTES * lane)
            for k in range(WORDS):
                code.store_word(zero, code.at(target, 8 * k))
            for source, start, length in segments:
                code.call(copy, target, at, source, start, length)
            following = builder.add(index, ir.Constant(I64, 1))
            going.append(builder.sext(builder.icmp_signed("<=", following, blocks), I64))
            lengths.append(builder.select(builder.icmp_signed("==", following, blocks), bits, zero))
        for k in range(WORDS):
            values = [code.load_word(code.at(bytes_, BLOCK_BYTES * lane + 8 * k)) for lane in range(code.lanes)]
            word = code.swap_bytes(code.gather(values))
            code.store(word | code.gather(lengths) if k == WORDS - 1 else word, words, k)
        for k in range(STATE):
            code.store(code.load(args["state"], k, double=False), state, k)
        code.call(compress, state, words)
        mask = code.gather(going)
        for k in range(STATE):
            old, new = code.load(args["state"], k, double=False), code.load(state, k, double=False)
            code.store(old ^ ((old ^ new) & mask), args["state"], k)
    return code.done()


def hash_to_field_function(r: Routines, compress: ir.Function) -> ir.Function:
    """The field element of RFC 9380 from b_0: expand_message_xmd's b_1 = H(b_0 || 1 || DST'), 48 bytes of it, mod p.

    b0: 8 vectors. rest: what follows b_0 up to the end of the padding, as 64-bit numbers, 8 and then 16 for each of
    `blocks` - 1 further blocks.
    """
    code = r.code("hash_to_field", {"out": PTR, "b0": PTR, "rest": PTR, "blocks": I64})
    state, words = code.scratch(STATE), code.scratch(WORDS)
    for k, word in enumerate(INITIAL):
        code.store(code.ints(word), state, k)
        code.store(code.load(code.args["b0"], k, double=False), words, k)
    _load_common(code, words, code.args["rest"], STATE)
    code.call(compress, state, words)
    with code.loop(1, code.args["blocks"]) as index:
        offset = code.builder.sub(code.builder.mul(index, ir.Constant(I64, BLOCK_BYTES)), ir.Constant(I64, 64))
        _load_common(code, words, code.at(code.args["rest"], offset), 0)
        code.call(compress, state, words)
    # The most significant word comes first.
    number = [code.load(state, k, double=False) for k in reversed(range(FIELD_WORDS))]
    r.field.store(code, r.field.from_wide(code, number), code.args["out"])
    return code.done()
