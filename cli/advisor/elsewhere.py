"""The kind of tool that does what the toolkit does not ship. Names to look for; none of them is endorsed or checked
here.
"""

from __future__ import annotations

from collections.abc import Callable

from cli.advisor.fields import INTERSECTIONS
from cli.advisor.printed_commands import MAX_PARTIES
from cli.advisor.task import Facts
from cli.advisor.words import phrase

# fmt: off
KINDS = (
    "auction", "inference", "training", "custom", "intersection_join_stats", "row_release",
    "equality", "verifiable", "fuzzy", "multi_party", "malicious_lists", "many", "dp_library",
)

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
    return tool(f.function if kind == "of the function" else kind)


def tool(kind: str) -> str:
    """One kind of tool, in words."""
    return phrase(f"tools.{kind}")
