"""What people read from this room: errors, notes, results. Help is not here; the promise is in dpselect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from dpselect.words import counted
from psiselect.base.errors import InputError, OutputError, UsageError

# Options.


def question_alone() -> UsageError:
    return UsageError("--question is shown only in the announcement. Add --announce FILE, or leave out --question")


def missing(option: str) -> UsageError:
    return UsageError(
        f"--{option} is missing. Add --{option}. Or use --voters N (how many people may vote) instead of --gap. With "
        "--voters, the program explains in words what epsilon means for your election"
    )


def not_with_voters(option: str) -> UsageError:
    return UsageError(f"--{option} and --voters cannot be used together. Leave out one of the two")


def ledger_and_none() -> UsageError:
    return UsageError("--ledger and --no-ledger contradict each other. Leave out one of the two")


def again_without_record() -> UsageError:
    return UsageError(
        "--again cannot be used with --ledger or --no-ledger, because with these options the command draws again each "
        "time anyway. Leave out --again"
    )


def exact_counts() -> UsageError:
    return UsageError(
        "exact counts give the voters no privacy. If you still want exact counts, add --not-private. Otherwise use "
        "`psiselect vote winner`"
    )


def too_few_candidates(seats: int, found: int) -> UsageError:
    lower = ", or lower --seats" if seats > 1 and found > 1 else ""
    there = "are no candidates" if found == 0 else f"{'is' if found == 1 else 'are'} {counted(found, 'candidate')}"
    return UsageError(
        f"there {there} for {counted(seats, 'seat')}, so there is nothing to choose. Name more candidates with "
        f"--candidates{lower}"
    )


def target(found: str) -> UsageError:
    return UsageError(f"--target must be a chance between 0 and 1, such as 0.95. You gave {found}")


def not_on_a_terminal() -> UsageError:
    return UsageError(
        "--show works only if the output goes to your screen, because no ballot should end up in a file. Leave out "
        "--show"
    )


def with_show(error: object) -> str:
    return f"{error} To see the first invalid cell on your screen, add --show."


def plot_ending(name: str) -> UsageError:
    return UsageError(f"--plot must name a file that ends in .png or .svg, not {name!r}")


def no_matplotlib() -> UsageError:
    return UsageError("--plot needs the library matplotlib. Install it: pip install 'psiselect[plot]'")


# Announcements.


def announcement_ending(name: str) -> UsageError:
    return UsageError(f"--announce must name a file that ends in .html or .md, not {name!r}")


def in_the_way(file: Path, *, again: bool) -> InputError:
    """again: an earlier announcement could have been replaced."""
    what = "is not an announcement" if again else "exists already"
    return InputError(
        f"{file}: this file {what}, so the program does not replace it. Name another file with --announce, or move "
        "this file away",
        term="announce",
    )


def not_announced(error: object, record: Path | None) -> OutputError:
    """record: where the winner is on record."""
    found = (
        ""
        if record is None
        else f". The winner is recorded in '{record}'. To write the announcement, run the command again"
    )
    return OutputError(f"the announcement was not written: {error}{found}", term="announce")


def announced_before(file: Path) -> str:
    return f"The announcement of this result is in '{file}'. "


def announced(file: Path) -> str:
    return f"the announcement is in '{file}'"


# Results.


def winner(name: str) -> str:
    return f"Winner: {name}"


def committee(names: Iterable[str]) -> str:
    return f"Committee, in alphabetical order: {', '.join(names)}"


def strength(epsilon: str, neighbors: str) -> str:
    return f"epsilon {epsilon}, {neighbors}"


def drawn_by(mechanism: str, exponent: object, why: str) -> str:
    return f"{mechanism}, exponent {exponent} per vote, sampled exactly; {why}"


def recorded(file: Path) -> str:
    return f"recorded in '{file}'. A second draw is refused"


def all_draws(epsilon: str) -> str:
    return f"all draws from these ballots together: epsilon {epsilon}"


def candidates(names: Sequence[str], shown: int) -> str:
    """The first `shown` of them."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    listed = (f'"{name}"' if "," in name else name for name in names[:shown])
    return f"{len(names)} candidates: {', '.join(listed)}{more}"


def note(text: str) -> str:
    return f"note: {text}"


def left_out(ballots: int, of: int, why: str) -> str:
    return f"{ballots} of {of} ballots left out: {why}"


def exact_tally(voters: int) -> str:
    return f"{voters} ballots, not private"


# What to expect from epsilon, in words.

SMALLER = "A smaller epsilon protects voters better and makes the result less reliable."
CHOOSE = "\nChoose before you count. Then run:"
RIGHT_WINNER, RIGHT_COMMITTEE = "the right winner", "the right committee"


def entitled(candidates: int, voters: int) -> str:
    return f"{candidates} candidates, {voters} people entitled to vote."


def hidden(what: str) -> str:
    return f"Hidden: {what}."


def at_epsilon(epsilon: str, strength: str | None) -> str:
    return f"\nepsilon {epsilon}" + ("" if strength is None else f", {strength}")


def factor(most: str) -> str:
    return f"  One person's ballot multiplies or divides the chance of any result by at most {most}."


def impossible(who: str, lead: int) -> str:
    return f"  Not enough people vote for this: {who} would need a lead of {lead} votes."


def _votes(number: int) -> str:
    return "1 vote" if number == 1 else f"{number} votes"


def needs_lead(lead: int, percent: float, who: str, times: float) -> str:
    return f"  With a lead of {_votes(lead)} ({percent:g} %) or more, {who} comes out at least {times:g} times in 100."


def odds(lead: int, times: int) -> str:
    return f"  With a lead of {_votes(lead)} it comes out at least {times} times in 100."


def winner_command(neighbors: str) -> str:
    return f"  psiselect vote winner BALLOTS --epsilon E --neighbors {neighbors}"


# A plan. The first two are values of --json, too.

BOUND = "lower bound for every election in which all rivals are at least the gap behind"
EXAMPLE = "example: the winners tie and all rivals are exactly the gap behind"
TRUE_WINNER, TRUE_COMMITTEE = "the true winner", "the true committee"


def plan_title(candidates: int, seats: int, gap: float, epsilon: str, neighbors: str) -> str:
    several = "" if seats == 1 else f", {seats} seats"
    return f"{candidates} candidates{several}, rivals {gap:g} votes behind, epsilon {epsilon}, {neighbors}"


def plot_title(candidates: int, seats: int, gap: float, neighbors: str) -> str:
    return f"{candidates} candidates, {seats} elected, rivals {gap:g} votes behind, {neighbors}"


def at_least(elected: str) -> str:
    return f"P({elected}) at least"


def chosen(mechanism: str, why: str) -> str:
    return f"* Chosen: {mechanism}: {why}."


WHAT_P_IS = f"P is a {BOUND}.\nThe loss, in approvals, is an {EXAMPLE}; other elections may lose more."


def simulated(error: float) -> str:
    return f" (simulated, standard error {error:.2g})"


def legend(marks: str) -> str:
    return f"     {marks}   | epsilon asked for"
