"""Where `--protocol fast` could run the recommended session, and what it would change: a note, never the command.

It is experimental and not reviewed, and it protects nothing against a learner that cheats. So the commands stay with
the default, and the note says what the choice would save.
"""

from __future__ import annotations

from cli.advisor import costs, predictions
from cli.advisor.case import Case
from cli.advisor.labels import L
from cli.advisor.predictions import Setting
from cli.advisor.printed_commands import both_learn, implemented
from cli.advisor.wording import duration, size
from cli.advisor.words import phrase
from psi.fast.parameters import MAX_ITEMS


def applies(s: Setting) -> bool:
    """Can it run the session: common items of two lists, equal by spelling, parties that follow the protocol, lists
    that it takes? Raises NeedToKnow without the lists' sizes.
    """
    able = s.t.over_lists and s.t.elements and not (s.t.more_than_two or s.t.fuzzy or s.t.cheating)
    return able and max(s.f.need("n_a"), s.f.need("n_b")) <= MAX_ITEMS


def cost(s: Setting, *, both: bool = False) -> costs.SetCost:
    """What it costs for the task's lists. Raises NeedToKnow without their sizes."""
    return costs.fast_psi(int(s.f.need("n_a")), int(s.f.need("n_b")), s.machine, both=both)


def notes(case: Case) -> list[str]:
    """What it would change of the commands, where it can run them and is predicted to take less time."""
    if case.label is not L.PSI or not implemented(case.f, case.label) or not case.t.sizes_known or not applies(case):
        return []
    fast, curve = cost(case, both=both_learn(case.f)), predictions.list_cost(case)
    if fast.seconds >= curve.seconds:
        return []
    return [
        phrase(
            "notes.fast",
            time=duration(fast.seconds),
            traffic=size(fast.bytes),
            curve_time=duration(curve.seconds),
            curve_traffic=size(curve.bytes),
        )
    ]
