"""A decided task, and what warnings and changes ask of it."""

from __future__ import annotations

from dataclasses import dataclass

from cli.advisor.costs import Machine
from cli.advisor.labels import Label
from cli.advisor.numbers import FEW_HOLDERS, Numbers
from cli.advisor.predictions import Setting
from cli.advisor.rules import Rule
from cli.advisor.task import Facts

REFUSED = ("unbounded", "hopeless", "overlap-hopeless", "extreme")


@dataclass(frozen=True)
class Case:
    """Facts, numbers, this machine, and the rule that answered."""

    f: Facts
    n: Numbers
    machine: Machine
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
    def setting(self) -> Setting:
        """What predictions are computed from."""
        return Setting(self.f, self.n, self.machine)

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
        many = self.f.n_holders > FEW_HOLDERS and not self.f.helper_servers
        return bool(not self.f.central and self.f.each_holder_one_unit and many)

    @property
    def least_error(self) -> float:
        """The error of the best noise that the task's trust allows."""
        if self.f.central or self.f.function.startswith("intersection"):
            return self.n.central_err95
        return self.n.local_err95 if self.alone else self.n.split_err95(1)

    @property
    def inputs(self) -> int:
        """How many units put something in."""
        return int(self.f.n_holders if self.f.each_holder_one_unit else (self.f.n_units or self.f.n_holders))
