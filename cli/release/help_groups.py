"""Under which heading `--help` of the release commands shows each option."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from cli._groups import GroupedCommand


class ReleaseCommand(GroupedCommand):
    """A command that releases a number, or several."""

    headings: ClassVar[Mapping[str, Sequence[str]]] = {
        "What to release": (
            *("column", "statistics", "equals", "q", "lower", "upper", "unit", "rows"),
            *("bins", "categories", "categories_file", "groups", "groups_file", "other"),
        ),
        "Protection": (
            *("epsilon", "rho", "delta", "noise", "neighbors", "contributions", "person", "rows_per_group"),
            *("ledger", "dataset"),
        ),
        "How the file is read": (
            *("on_invalid", "form", "query"),
            *("delimiter", "encoding", "csv_escape", "header", "header_lines", "sheet"),
        ),
        "Output": ("plan", "as_json", "help"),
    }
