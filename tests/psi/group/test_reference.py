"""The big-integer reference against the RFCs' vectors and against pycryptodome, and kept out of the product."""

from __future__ import annotations

import ast
import random
from pathlib import Path

import pytest
from Crypto.PublicKey import ECC
from support.curve_vectors import BASE, EXPAND, ITERATED, NU, RO, SINGLE, X25519Vector

from psi.group.curve25519 import reference, suite

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("vector", SINGLE)
def test_x25519_vectors(vector: X25519Vector) -> None:
    assert reference.x25519(vector.scalar, vector.u) == vector.out


@pytest.mark.parametrize("steps", [1, pytest.param(1000, marks=pytest.mark.soak)])
def test_x25519_iterated(steps: int) -> None:
    k = u = BASE
    for _ in range(steps):
        k, u = reference.x25519(k, u), k
    assert k == ITERATED[steps]


@pytest.mark.parametrize("case", EXPAND["tests"], ids=lambda c: f"{len(c['msg'])}-{c['len_in_bytes']}")
def test_expand_message_vectors(case: dict[str, str]) -> None:
    out = reference.expand_message_xmd(case["msg"].encode(), EXPAND["DST"].encode(), int(case["len_in_bytes"], 16))
    assert out.hex() == case["uniform_bytes"]


def _point(case: dict[str, str]) -> tuple[int, int]:
    return int(case["x"], 16), int(case["y"], 16)


@pytest.mark.parametrize("case", NU["vectors"], ids=lambda c: str(len(c["msg"])))
def test_encode_to_curve_vectors(case: dict) -> None:
    msg, dst = case["msg"].encode(), NU["dst"].encode()
    (u,) = reference.hash_to_field(msg, 1, dst)
    assert u == int(case["u"][0], 16)
    assert reference.map_to_curve_elligator2_curve25519(u) == _point(case["Q"])
    assert reference.encode_to_curve(msg, dst) == _point(case["P"])
    assert reference.ladder(8, int(case["Q"]["x"], 16)) == int(case["P"]["x"], 16)


@pytest.mark.parametrize("case", RO["vectors"], ids=lambda c: str(len(c["msg"])))
def test_hash_to_curve_vectors(case: dict) -> None:
    msg, dst = case["msg"].encode(), RO["dst"].encode()
    fields = reference.hash_to_field(msg, 2, dst)
    assert fields == [int(u, 16) for u in case["u"]]
    mapped = [reference.map_to_curve_elligator2_curve25519(u) for u in fields]
    assert mapped == [_point(case["Q0"]), _point(case["Q1"])]
    assert reference.hash_to_curve(msg, dst) == _point(case["P"])


def test_exceptional_field_elements_map_to_the_curve() -> None:
    for u in (0, 1, 2, reference.P - 1, (reference.P - 1) // 2):
        x, y = reference.map_to_curve_elligator2_curve25519(u)
        assert y * y % reference.P == reference.rhs(x)


def test_ladder_against_pycryptodome() -> None:
    draw = random.Random(7748)
    for _ in range(50):
        k = reference.decode_scalar(draw.randbytes(32))
        u = draw.randrange(2, reference.P)
        if not reference.is_square(reference.rhs(u)):
            continue  # pycryptodome takes points of the curve only; the twist is covered by the affine law below
        assert reference.ladder(k, u) == int((ECC.EccXPoint(u, "curve25519") * k).x)


def test_ladder_against_the_affine_group_law() -> None:
    draw = random.Random(9380)
    for _ in range(5):
        x, y = reference.map_to_curve_elligator2_curve25519(draw.randrange(reference.P))
        k = reference.decode_scalar(draw.randbytes(32))
        multiple = reference.multiply(k, (x, y))
        assert multiple is not None
        assert reference.ladder(k, x) == multiple[0]


def test_constants_agree_with_the_suite() -> None:
    assert (suite.FIELD_PRIME, suite.MONTGOMERY_A, suite.ORDER) == (reference.P, reference.A, reference.N)
    assert reference.ladder(suite.ORDER, 9) == 0
    assert NU["ciphersuite"] == suite.SUITE
    assert suite.DST.endswith(suite.SUITE.encode())


def test_no_product_module_imports_the_reference() -> None:
    importers = []
    for room in ("psi", "dpselect", "mpc", "cli"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom):
                    names = [f"{node.module}.{alias.name}" for alias in node.names]
                if any("curve25519.reference" in name for name in names):
                    importers.append(str(path))
    assert not importers
