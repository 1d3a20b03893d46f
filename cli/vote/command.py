"""`psiselect vote`: a private winner from a file of ballots, what to expect of it beforehand, and the exact tally."""

from __future__ import annotations

import functools
from fractions import Fraction
from pathlib import Path
from typing import cast

import click

from cli._errors import ToldError, as_record
from cli._ledger import ledger_options, open_ledger, writing
from cli._numbers import WholeNumber
from cli._options import choice
from cli._output import json_option, print_json, print_line, print_table, say
from cli.vote import words
from cli.vote.announce import AnnouncementFile
from cli.vote.expect import print_expectation
from cli.vote.help_groups import CountCommand, PlanCommand, WinnerCommand
from cli.vote.options import ballot_options, epsilon_option, neighbors_option, seats_option
from cli.vote.plan import print_plan, save_plot
from cli.words import left_for
from dpselect.accounting import BudgetKind
from dpselect.approval import epsilon_text, not_private_tally
from dpselect.ballots import Reading, load_candidates
from dpselect.mechanisms import Mechanism
from dpselect.planning import Task, plan
from dpselect.privacy import NeighbouringRelation, parse_epsilon, parse_fraction
from psiselect.base.errors import InputError, OutputError
from psiselect.elections.announcing import Announcement, Counted, check_question
from psiselect.elections.ballots import GivenBallots, load_given
from psiselect.elections.draws import DrawRecord, PastDraw
from psiselect.elections.expectation import Entitled
from psiselect.elections.winner import Elected, Wish, draw_winner
from psiselect.tables import Table

MECHANISMS = ("permute-and-flip", "exponential", "subset-exponential", "peeling")
_SHOWN = 20  # candidates


@click.group("vote")
def command() -> None:
    """Hold an election in which nobody can tell how any one person voted.

    The winner is drawn, which means chosen partly by chance. A smaller --epsilon hides votes better, and makes the
    result less reliable.

    \b
    Examples:
      psiselect vote plan --candidates 16 --gap 20 --epsilon 0.1 --neighbors add-remove
      psiselect vote winner ballots.csv --epsilon 0.1 --neighbors add-remove
    """


@command.command(
    "winner", cls=WinnerCommand, short_help="Choose the winner partly by chance, and hide how each person voted."
)
@ballot_options
@epsilon_option(required=True)
@neighbors_option(required=True)
@click.option(
    "--mechanism",
    type=click.Choice(["auto", *MECHANISMS]),
    default="auto",
    show_default=True,
    metavar="METHOD",
    help="Draw by this method: auto, permute-and-flip, exponential, subset-exponential or peeling. auto chooses "
    "without looking at the ballots; most people need nothing else. docs/privacy.md explains the methods.",
)
@seats_option
@click.option(
    "--gap",
    metavar="G",
    help="Guess, before counting, by how many votes the weakest winner is ahead of the strongest loser, such as 20. "
    "With several seats, --mechanism auto uses this guess to choose the method.",
)
@ledger_options("these ballots")
@click.option(
    "--again",
    is_flag=True,
    help="Draw once more, even if a result is on record. Each further draw makes the protection weaker: the epsilons "
    "of all draws add up. With --announce, replace the earlier announcement.",
)
@click.option(
    "--no-ledger",
    is_flag=True,
    help="Keep no record of the draw: write no file BALLOTS.draw, and use no budget (--ledger).",
)
@click.option(
    "--announce",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a page to print and publish, such as result.html or result.md. If a result is on record, announce this "
    "result, and draw nothing.",
)
@click.option("--question", metavar="TEXT", help="Put this question at the top of the announcement.")
@click.option(
    "--verbose",
    is_flag=True,
    help="Also show by which method the winner was drawn, and why. Also show the exponent, a number computed from "
    "--epsilon that sets how random the draw is.",
)
@json_option
def winner(
    given: GivenBallots,
    epsilon: str,
    neighbors: str,
    mechanism: str,
    seats: int,
    gap: str | None,
    ledger: Path | None,
    dataset: str | None,
    again: bool,
    no_ledger: bool,
    announce: Path | None,
    question: str | None,
    verbose: bool,
    as_json: bool,
) -> None:
    """Draw the winner (or, with --seats, a committee): choose the winner partly by chance, so that nobody can tell how
    any one person voted.

    \b
    Examples:
      psiselect vote winner ballots.csv --epsilon 0.1 --neighbors add-remove
      psiselect vote winner form.csv --candidates names.txt --ballot-column "Whom do you approve of?" \\
          --epsilon 1 --neighbors add-remove --announce result.html --question "Who should chair the club?"
      psiselect vote winner election.cat --epsilon 1 --neighbors replace --seats 3 --gap 20
      psiselect vote winner votes.pb --epsilon 0.1 --neighbors add-remove --ledger budget.db --dataset town-2026

    The command prints the winner, and how well the result hides each vote. It prints no counts and no turnout. It lists
    the members of a committee in alphabetical order.

    The first draw is the result. The command records it in a file beside the ballots, BALLOTS.draw, and refuses a
    second draw.

    Formats: tables (.csv, .parquet, .arrow, .feather, or a database with --query), PrefLib (.cat, .toc, .toi), Pabulib
    (.pb), BLT, abcvoting (.abc.yaml), and decrypted ballots of Belenios.
    """
    chosen = None if mechanism == "auto" else Mechanism(mechanism)
    wish = Wish(parse_epsilon(epsilon), NeighbouringRelation.parse(neighbors), chosen, seats, _gap(gap))
    page = AnnouncementFile.of(announce, again=again)
    if question is not None and page is None:
        raise words.question_alone()
    check_question(question)
    record = _record(given, ledger, again=again, no_ledger=no_ledger)
    if record is not None and not again:
        record.refuse_another(wish.epsilon, functools.partial(_announced, page, record.path, question))
    if page is not None:
        page.check()
    book = open_ledger(ledger, dataset)
    reading = load_given(given)
    _tell(reading)
    found = draw_winner(reading, wish, book=book, dataset=dataset, record=record, again=again)
    failure = None
    if page is not None:
        try:
            page.write(found.announcement(question))
        except InputError as error:  # the winner is shown all the same
            failure = words.not_announced(error, found.record)
    with writing(charged=book is not None, kept=None if record is None else record.path):
        if as_json:
            said = {} if page is None else {"announcement": page.path if failure is None else None}
            print_json(found.to_json() | said | ({} if failure is None else {"error": as_record(failure)}))
        else:
            shown = [_titled(name, reading) for name in found.winners]
            print_line(words.winner(shown[0]) if seats == 1 else words.committee(shown))
            print_line(found.promise)
    if not as_json:
        _tell_draw(found, verbose=verbose)
        if book is not None and found.balance is not None:
            say(left_for(dataset, ledger, book.describe(found.balance.remaining)))
        if page is not None and failure is None:
            say(words.announced(page.path))
    if failure is not None:
        raise ToldError(str(failure)) if as_json else failure


def _announced(page: AnnouncementFile | None, record: Path, question: str | None, past: list[PastDraw]) -> str:
    """Write the announcement of the last draw on record, if it is asked for; what to say of it. Raises OutputError."""
    if page is None or past[-1].winners is None:
        return ""
    try:
        page.write(Announcement(past, Counted.RECORD, question))
    except OutputError as error:
        raise words.not_announced(error, record) from None
    except InputError as error:  # there is a file, such as the announcement of the first call
        return f"{error}. "
    return words.announced_before(page.path)


def _tell_draw(found: Elected, *, verbose: bool) -> None:
    """How it was drawn, and what counts it."""
    choice, epsilon = found.choice, found.wish.epsilon
    if verbose:
        say(words.strength(epsilon_text(epsilon), found.wish.neighbors.value))
        say(words.drawn_by(choice.mechanism.value, choice.measurement.exponent, choice.why))
    if found.record is not None:
        say(words.recorded(found.record))
        if found.total != epsilon:
            say(words.all_draws(epsilon_text(found.total)))


@command.command("plan", cls=PlanCommand, short_help="See, before you draw, how likely the right winner is to win.")
@click.option(
    "--candidates", required=True, metavar="M|FILE", help="Give the number of candidates, or the file that lists them."
)
@click.option(
    "--voters",
    type=WholeNumber(min=1),
    metavar="N",
    help="Give the number of people entitled to vote. The command then explains in words what epsilon means for them.",
)
@click.option(
    "--gap", metavar="G", help="Guess by how many votes the winners are ahead of the others. Needed without --voters."
)
@epsilon_option()
@neighbors_option()
@seats_option
@click.option(
    "--target",
    default="0.95",
    show_default=True,
    metavar="P",
    help="Show which epsilon, or which lead in votes, is enough for the true winner to be drawn with probability P.",
)
@click.option(
    "--budget",
    type=choice(BudgetKind),
    default="pure",
    show_default=True,
    help="Say which --kind of budget you made with `psiselect budget create`. If you use no budget, leave this option "
    "out.",
)
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Draw a plot (PNG, SVG).")
@json_option
def plan_(
    candidates: str,
    voters: int | None,
    gap: str | None,
    epsilon: str | None,
    neighbors: str | None,
    seats: int,
    target: str,
    budget: str,
    plot: Path | None,
    as_json: bool,
) -> None:
    """See, before you draw a winner, how likely the true winner is to be drawn. The true winner has the most votes. To
    draw means to choose partly by chance, which hides each vote.

    \b
    Examples:
      psiselect vote plan --candidates names.txt --voters 90
      psiselect vote plan --candidates 16 --gap 20 --epsilon 0.1 --neighbors add-remove
      psiselect vote plan --candidates 40 --seats 5 --gap 30 --epsilon 1 --neighbors replace --plot plan.svg

    The command uses public numbers only, and never opens ballots. With --voters, it says in words what epsilon 0.1, 1
    and 5 mean for an election of that size. A smaller epsilon hides votes better, and makes the true winner less
    likely.

    With --gap the command assumes that every rival is exactly G votes behind. It then also shows the expected loss: by
    how many votes, on average, the drawn winner is behind the true winner. If some rivals are further behind,
    the true winner's chance is at least as high as the command shows.
    """
    relation = None if neighbors is None else NeighbouringRelation.parse(neighbors)
    if voters is not None:
        _refuse_with_voters(gap=gap, plot=plot)
        size = Entitled(voters, _count(candidates, seats), seats, relation or NeighbouringRelation.ADD_REMOVE)
        print_expectation(size, None if epsilon is None else parse_epsilon(epsilon), _target(target), as_json)
        return
    if gap is None or epsilon is None or relation is None:
        missing = next(
            name for name, value in (("gap", gap), ("epsilon", epsilon), ("neighbors", relation)) if value is None
        )
        raise words.missing(missing)
    task = Task(
        _count(candidates, seats),
        parse_epsilon(epsilon),
        relation,
        seats,
        parse_fraction(gap, "--gap"),
        BudgetKind(budget),
    )
    made = plan(task, _target(target))
    if plot is not None:
        save_plot(made, plot)
    print_plan(made, plot, as_json)


@command.command("count", cls=CountCommand, short_help="Count the ballots exactly, without any privacy.")
@ballot_options
@click.option("--not-private", is_flag=True, help="Confirm that exact counts give no privacy.")
@seats_option
@json_option
def count(given: GivenBallots, not_private: bool, seats: int, as_json: bool) -> None:
    """Count the ballots exactly, without any privacy. Only the person who counts may see the result.

    \b
    Examples:
      psiselect vote count ballots.csv --not-private
    """
    if not not_private:
        raise words.exact_counts()
    reading = load_given(given)
    _tell(reading)
    left_out = sum(reading.left_out.values())
    for reason, ballots in reading.left_out.items():
        say(words.left_out(ballots, left_out + reading.profile.voters, reason))
    tally = not_private_tally(reading.profile, seats)
    if as_json:
        print_json(
            {
                "private": False,
                "winners": tally.winners,
                "tied": tally.tied,
                "seats": seats,
                "candidates": len(tally.counts),
                "voters": tally.voters,
                "counts": tally.counts,
                "titles": reading.titles,
                "left_out": left_out,
                "left_out_because": reading.left_out,
                "format": reading.format,
                "notes": reading.notes,
                "warnings": reading.warnings,
            }
        )
        return
    marks = {name: "tied" if name in tally.tied else "elected" for name in tally.winners}
    print_table(
        ["candidate", "approvals", ""],
        [(_titled(name, reading), approvals, marks.get(name, "")) for name, approvals in tally.counts.items()],
        title=words.exact_tally(tally.voters),
    )


def _gap(text: str | None) -> Fraction | None:
    return None if text is None else parse_fraction(text, "--gap")


def _count(candidates: str, seats: int) -> int:
    """`--candidates` of a plan: a number, or a file to count."""
    number = candidates.isascii() and candidates.isdigit() and len(candidates) <= 9
    count = int(candidates) if number else len(load_candidates(Path(candidates)))
    if count <= seats:
        raise words.too_few_candidates(seats, count)
    return count


def _target(text: str) -> float:
    """`--target` of a plan."""
    target = parse_fraction(text, "--target")
    if not 0 < target < 1:
        raise words.target(text)
    return float(target)


def _refuse_with_voters(**given: object) -> None:
    wrong = next((name for name, value in given.items() if value is not None), None)
    if wrong is not None:
        raise words.not_with_voters(wrong)


def _record(given: GivenBallots, ledger: Path | None, *, again: bool, no_ledger: bool) -> DrawRecord | None:
    """Where the draw is recorded; None where a ledger counts it, or nobody does."""
    if ledger is not None and no_ledger:
        raise words.ledger_and_none()
    if ledger is None and not no_ledger:
        return DrawRecord.beside(cast(Table, given.table))  # a command names tables
    if again:
        raise words.again_without_record()
    return None


def _titled(name: str, reading: Reading) -> str:
    """A candidate as people know it: a project's name beside its id."""
    return f"{name} ({reading.titles[name]})" if name in reading.titles else name


def _tell(reading: Reading) -> None:
    """The candidates, which are public, and what the tallier should know."""
    names = reading.profile.candidates
    shown = [_titled(name, reading) for name in (names if reading.public_order else sorted(names))]
    say(words.candidates(shown, _SHOWN))
    for line in (*reading.notes, *reading.warnings):
        say(words.note(line))
