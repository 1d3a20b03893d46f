"""No stream, seed or secret symbol steers a branch or an address of the compiled code of the fast mode. Bands, places
and values of items do: they come from salted hashes of a party's own items (docs/fast-protocol.md)."""

from __future__ import annotations

import pytest

pytest.importorskip("llvmlite")
from llvmlite import ir
from support.constant_time import violations

from psi.fast.kernels import folding, module
from psi.group.curve25519.lanes.codegen import I8, I64, Code
from psi.group.curve25519.lanes.compiler import parse

# Where items lie in memory, and what their salted hashes say.
PUBLIC = ["offsets", "starts", "bands", "words"]


def steering(text: str, public: list[str]) -> set[str]:
    return {line.split(":")[0] for line in violations(parse(text), public)}


def test_only_what_follows_from_hashes_of_items_steers_anything() -> None:
    """The elimination is steered by bands that it computes; its values are only added up, as its source says."""
    assert steering(str(module.build_module(4)), PUBLIC) == {"eliminate"}


def test_functions_on_streams_and_secret_symbols_are_steered_by_nothing() -> None:
    """fold, scale, turn, to_rows, to_planes, tabulate, sha256."""
    found = steering(str(module.build_module(4)), ["offsets"])
    assert found == {"decode", "combine", "eliminate", "substitute"}


@pytest.mark.parametrize("how", ["branch", "address"])
def test_a_fault_in_scaling_would_be_seen(how: str) -> None:
    made = ir.Module()
    code = Code(made, 4, "scale", {"out": folding.PTR, "factors": folding.PTR}, exported=True)
    factor = code.builder.zext(code.builder.load(code.args["factors"], align=1, typ=I8), I64)
    if how == "branch":
        with code.builder.if_then(code.builder.icmp_unsigned("!=", factor, ir.Constant(I64, 0))):
            code.store_word(factor, code.args["out"])
    else:
        code.store_word(factor, code.at(code.args["out"], factor))
    code.done()
    assert steering(str(made), PUBLIC) == {"scale"}
