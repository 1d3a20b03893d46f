"""The eleven answers: label, family, what it means, and who learns what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


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


L = Label  # for tables of one line an entry


@dataclass(frozen=True)
class LabelText:
    """Family (MPC, DP, BOTH, NEITHER), one line of meaning, what the recipients learn, what each party learns
    besides.
    """

    family: str
    meaning: str
    recipients: str
    party: str


LABELS: Mapping[Label, LabelText] = {
    Label.PSI: LabelText(
        "MPC", "private set intersection: the common items", "which items are common", "the other list's length"
    ),
    Label.PSI_AGG: LabelText(
        "MPC", "private set intersection: only a count or a sum", "the exact count or sum", "the other list's length"
    ),
    Label.MPC_SUM: LabelText(
        "MPC", "exact total, mean or tally by secret sharing", "the exact totals", "nothing besides the result"
    ),
    Label.MPC_THRESHOLD: LabelText(
        "MPC", "one bit: is the limit reached, do all agree", "one bit", "nothing besides the result"
    ),
    Label.MPC_OTHER: LabelText(
        "MPC",
        "another secure computation (maximum, winner, auction, model)",
        "the exact result",
        "nothing besides the result",
    ),
    Label.DP_LAPLACE: LabelText(
        "DP", "a trusted holder adds noise to a bounded number", "the number with noise", "the holder sees everything"
    ),
    Label.DP_EXP: LabelText(
        "DP",
        "a trusted holder draws a winner or quantile, better ones likelier",
        "the choice",
        "the holder sees everything",
    ),
    Label.DP_LOCAL: LabelText(
        "DP", "every participant adds noise before answering", "noisy answers, and a noisy total", "only noisy answers"
    ),
    Label.MPC_DP: LabelText(
        "BOTH",
        "the parties together compute a result with noise",
        "the result with noise",
        "nothing besides the result",
    ),
    Label.CHANGE_TASK: LabelText(
        "NEITHER", "nothing fits the task as stated: change it", "depends on the change", "depends on the change"
    ),
    Label.NO_PET: LabelText(
        "NEITHER", "no privacy technology is needed, or none is permitted", "the exact result", "what it may see anyway"
    ),
}
