"""The module that holds all functions that Python calls."""

from __future__ import annotations

from llvmlite import ir

from psi.fast.kernels import elimination, folding, sha256, sha256_single, sums, transpose
from psi.fast.kernels.hashing import LANES, SHA


def build_module(lanes: int, hashing: str = LANES) -> ir.Module:
    """All kernels, for vectors of `lanes` 64-bit numbers. hashing: a way of psi.fast.kernels.hashing."""
    module = ir.Module("psiselect-fast")
    if hashing == LANES:
        sha256.hash_function(module, lanes, sha256.compress_function(module, lanes))
    else:
        operations = sha256_single.instructions if hashing == SHA else sha256_single.generic
        sha256_single.hash_function(module, lanes, operations)
    turn = transpose.turn_function(module, lanes)
    transpose.to_rows_function(module, lanes, turn)
    transpose.to_planes_function(module, lanes, turn)
    sums.tabulate_function(module, lanes)
    sums.decode_function(module, lanes)
    sums.combine_function(module, lanes)
    elimination.eliminate_function(module, lanes)
    elimination.substitute_function(module, lanes)
    folding.fold_function(module, lanes)
    folding.scale_function(module, lanes)
    return module
