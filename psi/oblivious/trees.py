"""All seeds but one, from base transfers: the trees of Goldreich, Goldwasser and Micali, one for each column.

A tree of depth t has 2^t leaves; leaf x is reached by the bits of x, highest first. The two nodes of level 1 are the
two seeds of a base transfer. A node's children are AES-128-CTR under it. The chooser, whose secret leaf is Delta, takes
at level k the seed numbered by the other bit than Delta's there. For each level below the first the dealer sends, for
either bit, the sum of all nodes whose last bit is that, hidden by the base transfer's seed of that bit. So the chooser
opens one of two sums, and the sum is one node of the path's that it lacks plus nodes that it has. It ends with all
leaves but Delta (docs/fast-protocol.md, steps F2 and F3).

The chooser numbers nodes by their distance from the path: i = x ^ Delta. So no index depends on Delta.
"""

from __future__ import annotations

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from psi.oblivious.columns import select
from psiselect.base.packed import U8

NODE_BYTES = 16
_CHILDREN = bytes(2 * NODE_BYTES)


def correction_bytes(columns: int, depth: int) -> int:
    """Bytes of the dealer's message."""
    return columns * (depth - 1) * 2 * NODE_BYTES


def children(nodes: U8) -> U8:
    """Both children of each node: (..., 16) -> (..., 2, 16)."""
    flat = np.ascontiguousarray(nodes).reshape(-1, NODE_BYTES)
    made = b"".join(
        Cipher(algorithms.AES128(node.tobytes()), modes.CTR(bytes(NODE_BYTES))).encryptor().update(_CHILDREN)
        for node in flat
    )
    return np.frombuffer(made, np.uint8).reshape(*nodes.shape[:-1], 2, NODE_BYTES)


def deal(pairs: U8, depth: int) -> tuple[U8, U8]:
    """From the base transfers' seeds (columns * depth, 2, at least 16), level by level within a column: all leaves,
    shape (columns, 2^depth, 16), and the corrections, shape (columns, depth - 1, 2, 16)."""
    levels = pairs[..., :NODE_BYTES].reshape(-1, depth, 2, NODE_BYTES)
    nodes, corrections = levels[:, 0], np.empty_like(levels[:, 1:])
    for level in range(1, depth):
        both = children(nodes)
        corrections[:, level - 1] = np.bitwise_xor.reduce(both, axis=1) ^ levels[:, level]
        nodes = both.reshape(len(both), -1, NODE_BYTES)
    return nodes.copy(), corrections


def choose(bits: U8, opened: U8, corrections: U8) -> U8:
    """The leaves that are not Delta, numbered by x ^ Delta from 1 on: shape (columns, 2^depth - 1, 16).

    bits: the choices of the base transfers, uint8, shape (columns * depth,), each the opposite of Delta's bit. opened:
    the seeds that they opened, (columns * depth, at least 16). corrections: as the dealer made them.
    """
    columns, depth = len(corrections), corrections.shape[1] + 1
    chosen = bits.reshape(columns, depth)
    seeds = opened[:, :NODE_BYTES].reshape(columns, depth, NODE_BYTES)
    nodes = np.zeros((columns, 2, NODE_BYTES), np.uint8)  # number 0 is the path itself, which stays zero
    nodes[:, 1] = seeds[:, 0]
    for level in range(1, depth):
        known = children(nodes[:, 1:])
        # By distance from the path: the child whose last bit is Delta's comes first.
        other = np.repeat(chosen[:, level], known.shape[1])
        left, right = known.reshape(-1, 2, NODE_BYTES).swapaxes(0, 1)
        near, far = select(other, right, left), select(other, left, right)
        below = np.zeros((columns, 2 << level, NODE_BYTES), np.uint8)
        below[:, 2::2], below[:, 3::2] = near.reshape(columns, -1, NODE_BYTES), far.reshape(columns, -1, NODE_BYTES)
        hidden = select(chosen[:, level], corrections[:, level - 1, 0], corrections[:, level - 1, 1])
        below[:, 1] = hidden ^ seeds[:, level] ^ np.bitwise_xor.reduce(below[:, 3::2], axis=1)
        nodes = below
    return nodes[:, 1:].copy()


def path(bits: U8, depth: int) -> U8:
    """Delta of each column, uint8, shape (columns,), from the choices of the base transfers."""
    delta: U8 = np.zeros(len(bits) // depth, np.uint8)
    for of_level in (bits ^ 1).reshape(-1, depth).T:
        delta = np.asarray(delta << 1 | of_level, np.uint8)
    return delta
