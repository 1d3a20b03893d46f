"""Every secret of a run comes from the system's entropy, anew each time; two runs never share one."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from support.mpc_network import Network, roster, terms

import mpc
from mpc.messages import Message
from mpc.mpyc_bridge import Bridge
from mpc.noise import SharedNoise, negative_binomials
from mpc.securesum import SecureSum
from mpc.sharing import WORD, Modulus
from mpc.winner import public_order
from psiselect.base.entropy import SystemEntropy

MODULI = {"a word": WORD, "below a word": (1 << 62) + 57, "above a word": (1 << 89) - 1}
NOISE = SharedNoise(3, 1, Fraction(1, 100))  # a hundred numbers of this noise repeat below once in 10^100


def machine() -> SecureSum:
    return SecureSum(roster(3), "alice", terms(), [5], SystemEntropy())


def prss_keys(parties: int) -> list[bytes]:
    bridge = Bridge(0, parties, lambda *_: None)
    try:
        return list(bridge.runtime._prss_keys.values())
    finally:
        bridge.close()


# What must be fresh, and how to make it as something that can be compared. A name with a dot is the function in `mpc`
# that draws it.
SECRETS: dict[str, Callable[[], object]] = {
    "securesum.__init__": lambda: machine().seed,
    "sharing.uniform": lambda: Modulus().uniform(4, SystemEntropy()).tolist(),
    "sharing._uniform_integer": lambda: Modulus(MODULI["above a word"]).uniform(4, SystemEntropy()).tolist(),
    "noise.negative_binomials": lambda: negative_binomials(
        SystemEntropy(), Fraction(1, 2), Fraction(1, 100), 100
    ).tolist(),
    "noise, one-sided": lambda: NOISE.one_sided(SystemEntropy(), 100),
    "noise, two-sided": lambda: NOISE.two_sided(SystemEntropy(), 100),
    "winner.public_order": lambda: public_order(SystemEntropy().read(96), 100).tolist(),
    "mpyc: keys of the masks": lambda: prss_keys(3),
}


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_another_each_time(name: str) -> None:
    first, second = SECRETS[name](), SECRETS[name]()
    assert first != second


def test_every_place_that_draws_is_in_the_list() -> None:
    """A new place in `mpc` that draws random bits needs an entry above."""
    drawing = set()
    samplers = {"geometrics", "uniforms_below", "words", "permutation", "urandom", "token_bytes", "randbits"}
    for file in Path(mpc.__file__).parent.glob("*.py"):
        for function in ast.walk(ast.parse(file.read_text())):
            if not isinstance(function, ast.FunctionDef):
                continue
            for node in ast.walk(function):
                if not isinstance(node, ast.Call):
                    continue
                called = node.func
                name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
                read = name == "read" and isinstance(called, ast.Attribute) and "entropy" in ast.unparse(called.value)
                if read or name in samplers:
                    drawing.add(f"{file.stem}.{function.name}")
    assert drawing == {name for name in SECRETS if "." in name}


@pytest.mark.parametrize("modulus", MODULI.values(), ids=MODULI)
@pytest.mark.parametrize("parties", [2, 3, 5])
def test_no_two_shares_of_a_number_and_no_two_numbers_have_the_same_mask(modulus: int, parties: int) -> None:
    """Of 500 numbers: all shares differ, but for probability 2^-38 at the smallest modulus."""
    ring = Modulus(modulus)
    shares = ring.split(ring.residues([7] * 500), parties, SystemEntropy())
    drawn = [int(v) for share in shares for v in share]
    assert len(set(drawn)) == 500 * parties
    again = ring.split(ring.residues([7] * 500), parties, SystemEntropy())
    assert not set(drawn) & {int(v) for share in again for v in share}


@pytest.mark.parametrize("modulus", MODULI.values(), ids=MODULI)
def test_shares_fill_the_whole_range(modulus: int) -> None:
    """Sixteen equal parts of the range, 8,000 shares: each part holds 350 to 650; false alarm below 1e-9."""
    ring = Modulus(modulus)
    for share in ring.split(ring.residues([3] * 8000), 3, SystemEntropy()):
        parts = np.bincount([int(v) * 16 // modulus for v in share], minlength=16)
        assert parts.min() > 350
        assert parts.max() < 650


@pytest.mark.parametrize("servers", [0, 3])
def test_what_leaves_a_party_differs_between_two_runs_of_the_same_numbers(servers: int) -> None:
    runs = []
    for _ in range(2):
        people = roster(3, servers)
        made = {
            p.name: SecureSum(people, p.name, terms(), [5] if p.inputs else None, SystemEntropy())
            for p in people.parties
        }
        network = Network(made)
        network.connect_all()
        network.run()
        runs.append({(s, o.peer, o.frame.type): bytes(o.frame.payload) for s, o in network.log})
    first, second = runs
    assert first.keys() == second.keys()
    for key in first:
        same = first[key] == second[key]
        assert same == (key[2] == Message.DONE), key
    shares = [v for k, v in first.items() if k[2] == Message.SHARE]
    assert len(set(shares)) == len(shares) == 3 * len(people.computing) - (0 if servers else 3)


@pytest.mark.parametrize("servers", [0, 2])
def test_each_party_shows_one_seed_of_its_own(servers: int) -> None:
    people = roster(3, servers)
    made = {
        p.name: SecureSum(people, p.name, terms(), [5] if p.inputs else None, SystemEntropy()) for p in people.parties
    }
    network = Network(made)
    network.connect_all()
    network.run()
    shown: dict[str, set[str]] = {}
    for sender, item in network.log:
        if item.frame.type == Message.TERMS:
            shown.setdefault(sender, set()).add(json.loads(bytes(item.frame.payload))["seed"])
    assert all(len(seeds) == 1 for seeds in shown.values())
    assert len(set.union(*shown.values())) == len(people.parties)
    assert {len(made[p.name].seeds) for p in people.computing} == {32 * len(people.computing)}
    assert len({made[p.name].seeds for p in people.computing}) == 1


@pytest.mark.parametrize("parties", [3, 5])
def test_masks_inside_mpyc_come_from_a_key_for_each_group(parties: int) -> None:
    keys = prss_keys(parties)
    assert len(set(keys)) == len(keys) > 1
    assert {len(k) for k in keys} == {16}
    assert not set(keys) & set(prss_keys(parties))
