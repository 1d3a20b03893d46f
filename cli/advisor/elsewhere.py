"""The kind of tool that does what the toolkit does not ship. Names to look for; none of them is endorsed or checked
here.
"""

from __future__ import annotations

from collections.abc import Callable

from cli.advisor.numbers import FEW_HOLDERS
from cli.advisor.predicates import Traits
from cli.advisor.printed_commands import MAX_PARTIES
from cli.advisor.words import phrase

# fmt: off
KINDS = (
    "auction", "inference", "training", "custom", "intersection_join_stats", "row_release",
    "equality", "verifiable", "fuzzy", "multi_party", "malicious_lists", "many", "local",
    "dp_library",
)

# First match: which kind a task needs.
CHOICE: tuple[tuple[Callable[[Traits], bool], str], ...] = (
    (lambda t: t.over_lists and t.more_than_two, "multi_party"),
    (lambda t: t.over_lists and t.fuzzy, "fuzzy"),
    (lambda t: t.f.function in KINDS, "of the function"),
    (lambda t: t.over_lists and t.cheating, "malicious_lists"),
    (lambda t: t.cheating, "verifiable"),
    (lambda t: t.own_value and t.f.helper_servers is False and t.f.n_holders > FEW_HOLDERS, "local"),
    (lambda t: t.f.n_holders > MAX_PARTIES, "many"),
    (lambda t: t.one_holder, "dp_library"),
)
# fmt: on


def elsewhere(t: Traits) -> str:
    """The kind of tool to look for."""
    return tool(kind_of(t))


def kind_of(t: Traits) -> str:
    """Which of KINDS a task needs."""
    kind = next((kind for applies, kind in CHOICE if applies(t)), "custom")
    return str(t.f.function) if kind == "of the function" else kind


def tool(kind: str) -> str:
    """One kind of tool, in words."""
    return phrase(f"tools.{kind}")
