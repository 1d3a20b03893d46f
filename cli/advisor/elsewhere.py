"""The kind of tool that does what the toolkit does not ship. Names to look for; none of them is endorsed or checked
here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cli.advisor.fields import INTERSECTIONS
from cli.advisor.printed_commands import MAX_PARTIES
from cli.advisor.task import Facts

# fmt: off
KINDS: Mapping[str, str] = {
    "auction": "a general MPC framework (MP-SPDZ) or a verifiable sealed-bid auction protocol",
    "inference": "a framework for secure inference or homomorphic encryption (CrypTen, Concrete ML, SecretFlow SPU)",
    "training": "federated learning with secure aggregation and noise (Flower; Opacus for one holder)",
    "custom": "a general MPC framework (MP-SPDZ, MPyC, SecretFlow SPU)",
    "intersection_join_stats": "circuit PSI or private join and compute (SecretFlow SPU, MP-SPDZ)",
    "row_release": "a generator of synthetic data with differential privacy (MST, AIM, SmartNoise)",
    "equality": "a secure comparison (MPyC, MP-SPDZ); where values cannot be guessed, a count over lists of one item",
    "verifiable": "verifiable tallying or validity proofs (Belenios or Helios for ballots, Prio3 for sums)",
    "fuzzy": "privacy-preserving record linkage (similarity of encoded names), or several exact keys",
    "multi_party": "a multi-party PSI protocol (Kolesnikov et al. 2017), or a general MPC framework",
    "malicious_lists": "a PSI protocol with security against malicious parties (Raghuraman, Rindal 2022)",
    "many": "aggregation by two or more servers for many clients (Prio, Divvi Up, the IETF's DAP)",
    "dp_library": "a library of differential privacy (OpenDP, Tumult Analytics)",
}

# First match: which kind a task needs.
CHOICE: tuple[tuple[Callable[[Facts], bool], str], ...] = (
    (lambda f: f.function in INTERSECTIONS and f.n_holders > 2, "multi_party"),
    (lambda f: f.function in INTERSECTIONS and f.match == "fuzzy", "fuzzy"),
    (lambda f: f.function in KINDS, "of the function"),
    (lambda f: f.function in INTERSECTIONS and f.adversary == "malicious", "malicious_lists"),
    (lambda f: f.adversary == "malicious", "verifiable"),
    (lambda f: f.n_holders > MAX_PARTIES, "many"),
    (lambda f: f.n_holders == 1, "dp_library"),
)
# fmt: on


def elsewhere(f: Facts) -> str:
    """The kind of tool to look for."""
    kind = next((kind for applies, kind in CHOICE if applies(f)), "custom")
    return KINDS[f.function if kind == "of the function" else kind]
