"""What the toolkit ships for a label, and the commands with the user's own epsilon, bounds and sizes filled in.

File, host and column names are examples to replace; every number is the user's, except where a note says otherwise.
A new command is one line of `SHIPPED`; what is not there is not in the toolkit, and the answer says so
(`elsewhere.py`).
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from cli.advisor import sources
from cli.advisor.fields import ADDITIVE, BY_NAME, COUNTS, INTERSECTIONS, ONE_BIT, ONE_COMMAND_EACH, SELECTIONS
from cli.advisor.labels import L
from cli.advisor.numbers import Numbers
from cli.advisor.task import Facts, NeedToKnow
from cli.advisor.words import phrase, saying
from dpselect.local_dp import MAX_OPTIONS
from dpselect.numeric import MAX_CELLS
from psi.agreement.modes import Reveal

NOISY = (L.DP_LAPLACE, L.DP_EXP, L.DP_LOCAL, L.MPC_DP)  # labels whose commands spend epsilon
JOINT = (L.MPC_SUM, L.MPC_THRESHOLD, L.MPC_OTHER, L.MPC_DP)  # labels whose commands the parties run together
FEWER = ("one_participant", "subset", "external")  # recipients who are not all that take part
MAX_PARTIES = 100  # of `psiselect mpc`
NOISY_COUNT_DELTA = "1e-9"  # where the task has delta = 0, which the noisy count cannot give; a note says so


_BOUNDED = ("sum", "mean", "quantile")  # functions whose command takes bounds that nothing else implies


REVEALED = frozenset(reveal.value for reveal in Reveal)  # the outcomes that set intersection offers


@dataclass(frozen=True)
class Step:
    """One command: who runs it, its words, and how many times it is run for one release: once for each number."""

    who: str
    words: tuple[str, ...]
    times: int = 1

    @property
    def line(self) -> str:
        """The command as typed in a shell."""
        return shlex.join(self.words)


Steps = tuple[Step, ...]


@dataclass(frozen=True)
class Shipped:
    """A label and the functions for which the toolkit has a command; `when` is a further condition."""

    label: L
    functions: tuple[str, ...]
    when: Callable[[Facts], bool]
    steps: Callable[[Facts, Numbers], Steps]


def plain(value: float) -> str:
    """A number as typed: no trailing .0, no exponent where it can be helped."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def epsilon_text(n: Numbers, shared: Fraction = Fraction(1)) -> str:
    """The epsilon of one command, exact: as the user wrote it, or a fraction of it. `shared`: a further divisor."""
    share = n.command_epsilon / shared
    whole = plain(n.f.epsilon_total)
    return whole if share == Fraction(whole) else f"{share.numerator}/{share.denominator}"


def _step(who: str, text: str, *more: str) -> Step:
    return Step(who, ("psiselect", *text.split(), *more))


# Two lists.


def _session(f: Facts, reveal: str, *, listens: tuple[str, ...] = (), connects: tuple[str, ...] = ()) -> Steps:
    both = reveal == "matches" and both_learn(f)
    own, other = ("both", "both") if both else ("me", "peer")
    terms = ("--key", "id", "--reveal", reveal, "--learn")
    listen = "psi listen --address 0.0.0.0:7001 --identity keys/b --peer a.crt --input list.csv"
    connect = "psi connect b.example:7001 --identity keys/a --peer b.crt --input list.csv"
    return (
        _step(phrase("commands.listens"), listen, *terms, other, *listens),
        _step(phrase("commands.connects" if both else "commands.connects-and-learns"), connect, *terms, own, *connects),
    )


def both_learn(f: Facts) -> bool:
    """Do both sides of a session over two lists get the result?"""
    return f.recipients in ("participants", "public")


def _matches(f: Facts, n: Numbers) -> Steps:
    output = ("--output", "matched.csv")
    return _session(f, "matches", listens=output if both_learn(f) else (), connects=output)


def _list_count(f: Facts, n: Numbers) -> Steps:
    return _session(f, "count")


def _list_sum(f: Facts, n: Numbers) -> Steps:
    return _session(f, "sum", listens=("--value", "amount"))


def _noisy_count(f: Facts, n: Numbers) -> Steps:
    delta = plain(f.delta) if f.delta else NOISY_COUNT_DELTA
    noise = ("--epsilon", epsilon_text(n), "--delta", delta)
    return _session(f, "noisy-count", listens=noise, connects=noise)


# Several parties.


def _mpc(function: str, *more: str) -> Steps:
    run = f"mpc {function} --party a --parties parties.toml --identity keys/a"
    return (_step(phrase("commands.party"), run, *more),)


def _range(f: Facts) -> tuple[float, float]:
    """The bounds of one record: 0 and 1 for a yes or no, and where none are stated."""
    return (0, 1) if f.bounds is None or f.function in ONE_BIT else (f.bounds[0], f.bounds[1])


def _own(f: Facts) -> str:
    return plain(_range(f)[1])


def _places(f: Facts) -> tuple[str, ...]:
    """Counts have no decimals; with noise, that is the step of the noise too."""
    return ("--decimals", "0") if f.function in ("count", "histogram", *ONE_BIT, *SELECTIONS) else ()


def _secure_sum(f: Facts, n: Numbers) -> Steps:
    if f.function in (*SELECTIONS, "histogram") or f.output_dim > 1:
        return _mpc("sum", "--values", "mine.txt", *_places(f))
    return _mpc("mean" if f.function in ("mean", "proportion") else "sum", "--value", _own(f), *_places(f))


def _threshold(f: Facts, n: Numbers) -> Steps:
    limit = ("--at-least", str(f.n_holders)) if f.function == "all_agree" else ()
    return _mpc("threshold", "--value", "yes", *limit)


def _argmax(f: Facts, n: Numbers) -> Steps:
    return _mpc("argmax", "--candidates", "candidates.txt", "--approve", "Anna")


def _max(f: Facts, n: Numbers) -> Steps:
    return _mpc("max", "--value", _own(f))


def _noisy_sum(f: Facts, n: Numbers) -> Steps:
    low, high = _range(f)
    sensitivity: tuple[str, ...] = ()
    if not f.each_holder_one_unit:  # a party's number covers many units: one of them moves it by less than its range
        sensitivity = ("--sensitivity", plain(high - low))
        units = int(f.need("n_units"))  # one party may hold nearly all of them
        low, high = min(0, low) * units, max(0, high) * units
    contributions = ("--contributions", str(f.max_contrib)) if f.max_contrib > 1 else ()
    function = "mean" if f.function in ("mean", "proportion") and f.each_holder_one_unit else "sum"
    bounds = ("--lower", plain(low), "--upper", plain(high), *sensitivity)
    noise = ("--epsilon", epsilon_text(n), "--colluding", str(n.colluding), "--neighbors", "replace", *contributions)
    return _mpc(function, "--value", _own(f), *noise, *bounds, *_places(f))


def _noisy_argmax(f: Facts, n: Numbers) -> Steps:
    ballots = (
        ("--approve", "Anna")
        if f.each_holder_one_unit
        else ("--values", "tallies.txt", "--bound", str(f.need("n_units")))
    )
    # The command takes scores that one person moves by 1: a share of epsilon for each point more hides that person.
    noise = ("--epsilon", epsilon_text(n, sources.exact(max(1.0, n.moved))), "--neighbors", "replace")
    return _mpc("argmax", "--candidates", "candidates.txt", *ballots, *noise)


# One holder.


def _release(n: Numbers, function: str, *more: str) -> Steps:
    f = n.f
    group = ("--contributions", str(f.max_contrib)) if f.max_contrib > 1 else ()
    noise = ("--epsilon", epsilon_text(n), "--neighbors", "replace", *group)
    return (_step(phrase("commands.trusted-holder"), f"release {function} data.csv", *more, *noise),)


def _bounds(f: Facts) -> tuple[str, ...]:
    low, high = _range(f)
    return ("--column", "value", "--lower", plain(low), "--upper", plain(high))


def _release_number(f: Facts, n: Numbers) -> Steps:
    if f.function in ("mean", "proportion"):
        return _release(n, "mean", *_bounds(f), "--n", str(f.need("n_units")))
    if f.function == "sum" or _range(f) != (0, 1):
        return _release(n, "sum", *_bounds(f))
    return _release(n, "count", "--column", "value", "--equals", "yes")


def _release_histogram(f: Facts, n: Numbers) -> Steps:
    return _release(n, "histogram", "--column", "group", "--categories-file", "groups.txt")


def _release_quantile(f: Facts, n: Numbers) -> Steps:
    return _release(n, "quantile", *_bounds(f), "--unit", plain(n.width / 1000), "--q", "0.5")


def _vote(f: Facts, n: Numbers) -> Steps:
    seats = ("--seats", str(n.seats)) if f.function == "top_k" else ()
    gap = ("--gap", plain(f.score_gap)) if f.score_gap else ()
    if n.moved != 1:
        scores = "select scores.csv --label name --score score"
        noise = ("--sensitivity", plain(n.moved), "--epsilon", epsilon_text(n), "--neighbors", "replace")
        return (_step(phrase("commands.trusted-holder"), scores, *noise, *seats, *gap),)
    noise = ("--epsilon", epsilon_text(n), "--neighbors", "replace", *seats, *gap)
    plan: Steps = ()
    if f.n_candidates and f.score_gap:
        plan = (_step(phrase("commands.anybody"), f"vote plan --candidates {f.n_candidates}", *noise),)
    return (
        *plan,
        _step(phrase("commands.trusted-holder"), "vote winner ballots.csv --candidates candidates.txt", *noise),
    )


def _count_openly(f: Facts, n: Numbers) -> Steps:
    return (_step(phrase("commands.holder"), "vote count ballots.csv --candidates candidates.txt --not-private"),)


# Everybody alone.


def _poll(f: Facts, n: Numbers) -> Steps:
    several = f.function == "histogram"
    # A task says how many answers there are, and not which: they are in a file, and the command asks for one.
    options, answer = (("--options-file", "options.txt"), "-") if several else ((), "yes")
    noise = (*options, "--epsilon", epsilon_text(n))
    return (
        _step(phrase("commands.respondent"), f"poll respond --answer {answer}", *noise),
        _step(phrase("commands.counter"), "poll estimate responses.csv", *noise),
    )


def _few(f: Facts) -> bool:
    return bool(f.n_holders <= MAX_PARTIES and f.adversary != "malicious")


def _several(f: Facts) -> bool:
    return _few(f) and f.n_holders >= 3


def _one_number(f: Facts) -> bool:
    return _few(f) and (f.each_holder_one_unit or f.function not in ("mean", "proportion"))


def _pair(f: Facts) -> bool:
    return bool(f.n_holders <= 2 and f.match != "fuzzy" and f.adversary != "malicious")


def _pair_of_single_items(f: Facts) -> bool:
    return _pair(f) and _one_record(f)


def _pair_sum(f: Facts) -> bool:
    return _pair(f) and "sum" in REVEALED


def _cells_fit(f: Facts) -> bool:
    return bool(max(f.output_dim or 1, f.n_candidates or 0) <= MAX_CELLS)


def _options_fit(f: Facts) -> bool:
    several = f.function == "histogram"
    return _one_record(f) and (not several or max(f.output_dim or 1, f.n_candidates or 0) <= MAX_OPTIONS)


def _one_record(f: Facts) -> bool:
    return bool(f.max_contrib == 1)


def _always(f: Facts) -> bool:
    return True


def _bounds_wanted(f: Facts, label: L) -> bool:
    """Do the commands hold 0 and 1 for want of the user's own bounds?"""
    return f.bounds is None and f.function in _BOUNDED and label in (L.DP_LAPLACE, L.DP_EXP, L.MPC_DP)


# fmt: off
SHIPPED: tuple[Shipped, ...] = (
    Shipped(L.PSI, ("intersection", "lookup"), _pair, _matches),
    Shipped(L.PSI_AGG, ("intersection_size",), _pair, _list_count),
    Shipped(L.PSI_AGG, ("intersection_sum",), _pair_sum, _list_sum),
    Shipped(L.MPC_SUM, ("sum", "mean", "count", "proportion", "histogram", *SELECTIONS), _several, _secure_sum),
    Shipped(L.MPC_THRESHOLD, ("threshold", "all_agree"), _several, _threshold),
    Shipped(L.MPC_OTHER, ("select_best",), _several, _argmax),
    Shipped(L.MPC_OTHER, ("extreme",), _several, _max),
    Shipped(L.DP_LAPLACE, ("sum", "mean", *COUNTS), _always, _release_number),
    Shipped(L.DP_LAPLACE, ("histogram",), _cells_fit, _release_histogram),
    Shipped(L.DP_EXP, SELECTIONS, _always, _vote),
    Shipped(L.DP_EXP, ("quantile",), _always, _release_quantile),
    Shipped(L.DP_LOCAL, (*ADDITIVE, *ONE_BIT), _options_fit, _poll),
    Shipped(L.MPC_DP, ("sum", "mean", *COUNTS), _one_number, _noisy_sum),
    Shipped(L.MPC_DP, ("select_best",), _several, _noisy_argmax),
    Shipped(L.MPC_DP, ("intersection_size",), _pair_of_single_items, _noisy_count),
    Shipped(L.NO_PET, ("select_best",), _always, _count_openly),
)

NOTES: tuple[tuple[Callable[[Facts, L], bool], Callable[[Facts], str]], ...] = (
    (_bounds_wanted, saying("notes.stand-in")),
    (lambda f, label: label is L.MPC_DP and f.function == "intersection_size" and not f.delta,
     lambda f: phrase("notes.delta", delta=NOISY_COUNT_DELTA)),
    (lambda f, label: label is L.DP_LOCAL and f.function in ("mean", "sum"),
     saying("notes.rounding")),
    (lambda f, label: label is L.MPC_THRESHOLD and f.function == "threshold",
     saying("notes.half")),
    (lambda f, label: label is L.MPC_SUM and f.function in (*SELECTIONS, "histogram"),
     saying("notes.values-file")),
    (lambda f, label: label in (L.DP_LAPLACE, L.DP_EXP) and f.releases > 1 and not f.unit_per_release,
     saying("notes.ledger")),
    (lambda f, label: label in NOISY and f.output_dim > 1 and f.function in ONE_COMMAND_EACH,
     lambda f: phrase("notes.each-number", numbers=f"{f.output_dim:,}")),
    (lambda f, label: label in NOISY and not f.known("epsilon_total"), saying("notes.epsilon")),
    (lambda f, label: label in JOINT and f.function not in INTERSECTIONS and f.recipients in FEWER,
     saying("notes.everybody-learns")),
    (lambda f, label: label is L.MPC_DP and f.function in SELECTIONS and Numbers(f).moved > 1,
     lambda f: phrase("notes.moved", moved=plain(Numbers(f).moved))),
    (lambda f, label: label is L.DP_LAPLACE and f.function == "histogram", saying("notes.groups-file")),
    (lambda f, label: label is L.DP_LOCAL and f.function == "histogram", saying("notes.options-file")),
    (lambda f, label: label in NOISY and f.function in ONE_BIT,
     saying("notes.compare")),
)
# fmt: on


def implemented(f: Facts, label: L) -> bool:
    """Does the toolkit ship this label for this task?"""
    return _find(f, label) is not None


def steps(f: Facts, n: Numbers, label: L) -> Steps:
    """The commands for this label and task; empty when the toolkit ships none, or a number they need is unknown."""
    found = _find(f, label)
    try:
        made = found.steps(f, n) if found else ()
    except NeedToKnow:
        return ()
    times = n.parts if label in NOISY else 1
    return tuple(replace(step, times=times) for step in made)


def lacking(f: Facts, n: Numbers, label: L) -> str | None:
    """The unknown field without which there is no command."""
    found = _find(f, label)
    try:
        if found:
            found.steps(f, n)
    except NeedToKnow as unknown:
        return unknown.field
    return None


def notes(f: Facts, n: Numbers, label: L) -> list[str]:
    """What the user must know about the commands."""
    if not implemented(f, label):
        return []
    field = lacking(f, n, label)
    needed = [phrase("notes.lacking", field=BY_NAME[field].within)] if field not in (None, "epsilon_total") else []
    return [*needed, *(text(f) for applies, text in NOTES if applies(f, label))]


def stand_ins(f: Facts, label: L) -> str | None:
    """What in the commands is no number of the user's, and has to be replaced."""
    return phrase("notes.stand-in") if implemented(f, label) and _bounds_wanted(f, label) else None


def _find(f: Facts, label: L) -> Shipped | None:
    return next((s for s in SHIPPED if s.label is label and f.function in s.functions and s.when(f)), None)
