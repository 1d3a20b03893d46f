"""A decided task, and what warnings and changes ask of it."""

from __future__ import annotations

from dataclasses import dataclass

from cli.advisor.labels import Label
from cli.advisor.predictions import Setting
from cli.advisor.rules import Rule

REFUSED = ("unbounded", "hopeless", "overlap-hopeless", "extreme")


@dataclass(frozen=True)
class Case(Setting):
    """A task's traits, this machine, and the rule that answered."""

    rule: Rule

    @property
    def label(self) -> Label:
        """The answer."""
        return self.rule.label

    @property
    def family(self) -> str:
        """The answer's family."""
        return self.label.family

    @property
    def exact_output(self) -> bool:
        """Is an exact result given out?"""
        return self.family == "MPC" or self.rule.name == "exact-holder"

    @property
    def noisy(self) -> bool:
        """Is the answer differential privacy, or the refusal of it?"""
        return self.family in ("DP", "BOTH") or self.rule.name in REFUSED

    @property
    def hopeless(self) -> bool:
        """Did the noise alone make it fail?"""
        return self.rule.name in ("hopeless", "overlap-hopeless")

    @property
    def alone(self) -> bool:
        """Do so many hold one input each, without helpers, that only noise at the source is left?"""
        return not self.t.central and self.t.own_value and self.t.too_many

    @property
    def least_error(self) -> float:
        """The error of the best noise that the task's trust allows."""
        if self.t.central or self.t.over_lists:
            return self.n.central_err95
        return self.n.local_err95 if self.alone else self.n.split_err95(1)

    @property
    def inputs(self) -> int:
        """How many units put something in."""
        return int(self.f.n_holders if self.t.own_value else (self.f.n_units or self.f.n_holders))
