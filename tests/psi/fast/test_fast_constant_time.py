"""No stream, seed or secret symbol steers a branch or an address of the compiled code of the fast mode. Bands, places
and values of items do: they come from salted hashes of a party's own items (docs/fast-protocol.md)."""

from __future__ import annotations

import pytest

pytest.importorskip("llvmlite")
from llvmlite import ir
from support.constant_time import violations

from psi.fast.kernels import folding, hashing, module, sha256_single
from psi.group.curve25519.lanes.codegen import I8, I64, Code
from psi.group.curve25519.lanes.compiler import compile_assembly, parse
from psi.group.curve25519.lanes.target import Target

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


def hashing_alone(way: str) -> str:
    made = ir.Module()
    operations = sha256_single.instructions if way == hashing.SHA else sha256_single.generic
    sha256_single.hash_function(made, 4, operations)
    return str(made)


@pytest.mark.parametrize("way", [hashing.SHA, hashing.SHA_GENERIC])
def test_hashing_one_message_at_a_time_is_steered_by_lengths_alone(way: str) -> None:
    assert steering(hashing_alone(way), ["offsets"]) == set()
    assert steering(hashing_alone(way), []) == {"sha256", "sha256_fill"}


@pytest.mark.parametrize("cpu", ["icelake-server", "znver4", "znver1"])
def test_processors_with_sha_instructions_use_them(cpu: str) -> None:
    """64 rounds by 32 instructions, and 48 message words by 12 of each kind."""
    assembly = compile_assembly(hashing_alone(hashing.SHA), Target("x86_64-linux-gnu", cpu, ""))
    counts = {name: assembly.count(name) for name in ("sha256rnds2", "sha256msg1", "sha256msg2")}
    assert counts == {"sha256rnds2": 32, "sha256msg1": 12, "sha256msg2": 12}


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
