"""Under which heading `--help` of the vote commands shows each option."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from cli._groups import GroupedCommand

_BALLOTS = (
    *("candidates", "ballot_column", "separator", "other", "yes", "no", "approve_category"),
    *("voter_column", "repeated_voter", "on_invalid", "show"),
)
_READING = (
    *("form", "query", "line_breaks"),
    *("delimiter", "encoding", "csv_escape", "header", "header_lines", "sheet"),
)


class WinnerCommand(GroupedCommand):
    """`vote winner`."""

    headings: ClassVar[Mapping[str, Sequence[str]]] = {
        "Ballots": _BALLOTS,
        "How the file is read": _READING,
        "The draw": ("seats", "mechanism", "gap"),
        "Record of the draw, or a budget": ("no_ledger", "again", "ledger", "dataset"),
        "Announcement": ("announce", "question"),
        "Output": ("verbose", "as_json", "help"),
    }


class PlanCommand(GroupedCommand):
    """`vote plan`."""

    headings: ClassVar[Mapping[str, Sequence[str]]] = {
        "The election": ("voters", "seats", "gap"),
        "Protection and accuracy": ("epsilon", "neighbors", "target", "budget"),
        "Output": ("plot", "as_json", "help"),
    }


class CountCommand(GroupedCommand):
    """`vote count`."""

    headings: ClassVar[Mapping[str, Sequence[str]]] = {
        "To confirm": ("not_private",),
        "Ballots": _BALLOTS,
        "How the file is read": _READING,
        "The count": ("seats",),
        "Output": ("as_json", "help"),
    }
