"""Under which heading `--help` of the mpc commands shows each option."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from cli._groups import GroupedCommand


class MpcCommand(GroupedCommand):
    """A command that one party runs, while the others run the same."""

    headings: ClassVar[Mapping[str, Sequence[str]]] = {
        "Your numbers": (
            *("value", "values", "candidates", "approve", "query", "column", "length"),
            *("form", "delimiter", "encoding", "csv_escape", "header", "header_lines", "sheet"),
        ),
        "What all parties must agree on": ("at_least", "decimals", "bound", "modulus", "allow_two_inputs"),
        "Privacy noise": (
            *("epsilon", "colluding", "lower", "upper", "neighbors", "contributions", "sensitivity"),
            *("ledger", "dataset"),
        ),
        "Operation": ("timeout",),
        "Output": ("target", "as_json", "help"),
    }
