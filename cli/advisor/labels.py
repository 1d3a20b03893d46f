"""The eleven answers: label, family, what it means, and who learns what."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from cli.advisor.words import phrase


class Label(StrEnum):
    """The name of an answer, as in the JSON."""

    PSI = "PSI"
    PSI_AGG = "PSI_AGG"
    MPC_SUM = "MPC_SUM"
    MPC_THRESHOLD = "MPC_THRESHOLD"
    MPC_OTHER = "MPC_OTHER"
    DP_LAPLACE = "DP_LAPLACE"
    DP_EXP = "DP_EXP"
    DP_LOCAL = "DP_LOCAL"
    MPC_DP = "MPC_DP"
    CHANGE_TASK = "CHANGE_TASK"
    NO_PET = "NO_PET"

    @property
    def family(self) -> str:
        """MPC, DP, BOTH or NEITHER."""
        return FAMILIES[self]

    @property
    def short(self) -> str:
        """The answer's name in words, short enough for a column."""
        return phrase(f"labels.{self}.title")

    @property
    def meaning(self) -> str:
        """What the answer means."""
        return phrase(f"labels.{self}.meaning")

    @property
    def recipients(self) -> str:
        """What those who get the result learn."""
        return phrase(f"labels.{self}.recipients")

    @property
    def party(self) -> str:
        """What each party learns besides."""
        return phrase(f"labels.{self}.party")


L = Label  # for tables of one line an entry

FAMILIES: Mapping[Label, str] = {
    L.PSI: "MPC",
    L.PSI_AGG: "MPC",
    L.MPC_SUM: "MPC",
    L.MPC_THRESHOLD: "MPC",
    L.MPC_OTHER: "MPC",
    L.DP_LAPLACE: "DP",
    L.DP_EXP: "DP",
    L.DP_LOCAL: "DP",
    L.MPC_DP: "BOTH",
    L.CHANGE_TASK: "NEITHER",
    L.NO_PET: "NEITHER",
}
