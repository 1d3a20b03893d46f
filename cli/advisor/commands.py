"""What the toolkit ships for a label, and the commands with the user's own epsilon, bounds and sizes filled in.

File, host and column names are examples to replace; every number is the user's. One entry a label and group of functions.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from cli.advisor.fields import COUNTS, ONE_BIT, SELECTIONS
from cli.advisor.labels import Label as L
from cli.advisor.numbers import Numbers
from cli.advisor.task import Facts

MAX_PARTIES = 100  # of `psiselect mpc`
NOISY_COUNT_DELTA = 1e-9  # put in where the task has delta = 0, which the noisy count cannot give; the answer says so


@dataclass(frozen=True)
class Step:
    """One command: who runs it, and its words."""

    who: str
    words: tuple[str, ...]

    @property
    def line(self) -> str:
        """The command as typed in a shell."""
        return shlex.join(self.words)


Steps = tuple[Step, ...]


@dataclass(frozen=True)
class Shipped:
    """A label and the functions for which the toolkit has a command; `when` are further conditions."""

    label: L
    functions: tuple[str, ...]
    when: Callable[[Facts], bool]
    steps: Callable[[Facts, Numbers], Steps]


def plain(value: float) -> str:
    """A number as typed: no exponent, no trailing .0."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def epsilon_text(f: Facts) -> str:
    """The user's epsilon for one release, exact: the total over T as a fraction."""
    total = Fraction(plain(f.epsilon_total))
    share = total if f.unit_per_release or f.releases == 1 else total / int(f.releases)
    return plain(f.epsilon_total) if share == total else f"{share.numerator}/{share.denominator}"


def _step(who: str, text: str, *more: str) -> Step:
    return Step(who, ("psiselect", *text.split(), *more))


# Two lists.


def _lists(f: Facts, reveal: str, *more: str) -> Steps:
    both = f.recipients in ("participants", "public") and reveal != "noisy-count"
    own, other = ("both", "both") if both else ("me", "peer")
    common = ("--key", "email:email", "--reveal", reveal)
    return (
        _step("the side that listens", "psi listen --address 0.0.0.0:7001 --identity keys/b --peer a.crt --input list.csv",
              *common, "--learn", other, *more),
        _step("the side that connects and learns" if not both else "the side that connects",
              "psi connect b.example:7001 --identity keys/a --peer b.crt --input list.csv", *common, "--learn", own, *more,
              *(("--output", "matched.csv") if reveal == "matches" else ())),
    )


def _matches(f: Facts, n: Numbers) -> Steps:
    return _lists(f, "matches")


def _list_count(f: Facts, n: Numbers) -> Steps:
    return _lists(f, "count")


def _list_sum(f: Facts, n: Numbers) -> Steps:
    listen, connect = _lists(f, "sum")
    return (Step(listen.who, (*listen.words, "--value", "amount")), connect)


def _noisy_count(f: Facts, n: Numbers) -> Steps:
    delta = plain(f.delta) if f.delta else f"{NOISY_COUNT_DELTA:g}"
    return _lists(f, "noisy-count", "--epsilon", epsilon_text(f), "--delta", delta)


# Several parties.


def _mpc(f: Facts, function: str, *more: str) -> Steps:
    parties = "each party, under its own name"
    return (_step(parties, f"mpc {function} --party a --parties parties.toml --identity keys/a", *more),)


def _value(f: Facts) -> str:
    return plain(f.bounds[1]) if f.bounds else "1"


def _secure_sum(f: Facts, n: Numbers) -> Steps:
    if f.function in (*SELECTIONS, "histogram"):
        return _mpc(f, "sum", "--value", ",".join(["1"] + ["0"] * (max(2, min(int(f.n_candidates or f.output_dim), 20)) - 1)))
    return _mpc(f, "mean" if f.function in ("mean", "proportion") else "sum", "--value", _value(f))


def _threshold(f: Facts, n: Numbers) -> Steps:
    parties = int(f.n_holders)
    limit = parties if f.function == "all_agree" else (parties + 1) // 2
    return _mpc(f, "threshold", "--value", "1", "--at-least", str(limit))


def _argmax(f: Facts, n: Numbers) -> Steps:
    return _mpc(f, "argmax", "--candidates", "candidates.txt", "--value", "1,0,0")


def _max(f: Facts, n: Numbers) -> Steps:
    return _mpc(f, "max", "--value", _value(f))


def _noise(f: Facts, n: Numbers) -> tuple[str, ...]:
    low, high = f.bounds or (0, 1)
    return ("--epsilon", epsilon_text(f), "--colluding", str(n.colluding), "--lower", plain(low), "--upper", plain(high))


def _contributions(f: Facts) -> tuple[str, ...]:
    return ("--contributions", str(f.max_contrib)) if f.max_contrib > 1 else ()


def _noisy_sum(f: Facts, n: Numbers) -> Steps:
    return _mpc(f, "mean" if f.function in ("mean", "proportion") else "sum", "--value", _value(f), *_noise(f, n), *_contributions(f))


def _noisy_argmax(f: Facts, n: Numbers) -> Steps:
    return _mpc(f, "argmax", "--candidates", "candidates.txt", "--value", "1,0,0", "--epsilon", epsilon_text(f), "--neighbors", "replace")


# One holder.


def _release(f: Facts, function: str, *more: str) -> Steps:
    low, high = f.bounds or (0, 1)
    return (
        _step("the trusted holder", f"release {function} data.csv --column value --lower {plain(low)} --upper {plain(high)}",
              *more, "--epsilon", epsilon_text(f), "--neighbors", "replace", *_contributions(f)),
    )


def _release_number(f: Facts, n: Numbers) -> Steps:
    if f.function in ("mean", "proportion"):
        return _release(f, "mean", *(("--n", str(f.n_units)) if f.n_units else ()))
    return _release(f, "sum" if f.function == "sum" else "count")


def _release_histogram(f: Facts, n: Numbers) -> Steps:
    return (
        _step("the trusted holder", "release histogram data.csv --column group --categories groups.txt", "--epsilon",
              epsilon_text(f), "--neighbors", "replace", *_contributions(f)),
    )


def _release_quantile(f: Facts, n: Numbers) -> Steps:
    return _release(f, "quantile", "--quantile", "0.5")


def _vote(f: Facts, n: Numbers) -> Steps:
    seats = ("--seats", str(f.output_dim)) if f.function == "top_k" else ()
    gap = ("--gap", plain(f.score_gap)) if f.score_gap else ()
    guarantee = ("--epsilon", epsilon_text(f), "--neighbors", "replace", *seats, *gap)
    if f.score_sensitivity not in (None, 1):
        return (
            _step("the trusted holder", "select scores.csv --label name --score score --sensitivity", plain(f.score_sensitivity),
                  "--epsilon", epsilon_text(f)),
        )
    plan = ()
    if f.n_candidates and f.score_gap:
        plan = (_step("anybody, beforehand", f"vote plan --candidates {f.n_candidates}", *guarantee),)
    return (*plan, _step("the trusted holder", "vote winner ballots.csv --candidates candidates.txt", *guarantee))


# Everybody alone.


def _poll(f: Facts, n: Numbers) -> Steps:
    options = ()
    answer = "yes"
    if f.function == "histogram":
        options, answer = ("--options", "a,b,c"), "a"
    return (
        _step("each respondent", f"poll respond --answer {answer}", *options, "--epsilon", epsilon_text(f)),
        _step("whoever counts", "poll estimate responses.csv", *options, "--epsilon", epsilon_text(f)),
    )


def _count_openly(f: Facts, n: Numbers) -> Steps:
    return (_step("the holder", "vote count ballots.csv --candidates candidates.txt --not-private"),)


def _few(f: Facts) -> bool:
    return bool(f.n_holders <= MAX_PARTIES and f.adversary != "malicious")


def _mpyc(f: Facts) -> bool:
    return _few(f) and f.n_holders >= 3


def _pair(f: Facts) -> bool:
    return bool(f.n_holders <= 2 and f.match != "fuzzy" and f.adversary != "malicious")


def _always(f: Facts) -> bool:
    return True


# What ships. Whatever is not here is not in the toolkit, and the answer says so.
SHIPPED: tuple[Shipped, ...] = (
    Shipped(L.PSI, ("intersection", "lookup"), _pair, _matches),
    Shipped(L.PSI_AGG, ("intersection_size",), _pair, _list_count),
    Shipped(L.PSI_AGG, ("intersection_sum",), _pair, _list_sum),
    Shipped(L.MPC_SUM, ("sum", "mean", "count", "proportion", "histogram", *SELECTIONS), _few, _secure_sum),
    Shipped(L.MPC_THRESHOLD, ("threshold", "all_agree"), _mpyc, _threshold),
    Shipped(L.MPC_OTHER, ("select_best",), _mpyc, _argmax),
    Shipped(L.MPC_OTHER, ("extreme",), _mpyc, _max),
    Shipped(L.DP_LAPLACE, ("sum", "mean", *COUNTS), _always, _release_number),
    Shipped(L.DP_LAPLACE, ("histogram",), _always, _release_histogram),
    Shipped(L.DP_EXP, SELECTIONS, _always, _vote),
    Shipped(L.DP_EXP, ("quantile",), _always, _release_quantile),
    Shipped(L.DP_LOCAL, ("count", "proportion", "histogram", "mean", "sum"), _always, _poll),
    Shipped(L.MPC_DP, ("sum", "mean", "count", "proportion"), _few, _noisy_sum),
    Shipped(L.MPC_DP, ("select_best",), _mpyc, _noisy_argmax),
    Shipped(L.MPC_DP, ("intersection_size",), _pair, _noisy_count),
    Shipped(L.NO_PET, ("select_best",), lambda f: bool(f.central), _count_openly),
)

# What does what the toolkit does not, by the kind of work; names to look for, none of them shipped or checked here.
ELSEWHERE: dict[str, str] = {
    "auction": "a general MPC framework (MP-SPDZ, SCALE-MAMBA) or a verifiable sealed-bid auction protocol",
    "inference": "a secure inference or homomorphic encryption framework (CrypTen, Concrete ML, SecretFlow SPU)",
    "training": "a federated learning framework with secure aggregation and DP (Flower, TensorFlow Federated; Opacus for one holder)",
    "custom": "a general MPC framework (MP-SPDZ, MPyC, SecretFlow SPU)",
    "intersection_join_stats": "circuit PSI or private join and compute inside a general MPC framework (SecretFlow SPU, MP-SPDZ)",
    "row_release": "a synthetic-data generator with differential privacy (SmartNoise, MST, AIM)",
    "histogram": "an aggregation service by two servers with noise (Prio, Divvi Up, the IETF's DAP)",
    "verifiable": "verifiable tallying or validity proofs (Belenios, Helios for ballots; Prio3 for sums)",
    "fuzzy": "privacy-preserving record linkage (Bloom-filter or secure-similarity tools), or normalise and match several exact keys",
    "multi_party": "a multi-party PSI protocol (Kolesnikov et al. 2017) in a general framework",
    "malicious_psi": "a PSI protocol with security against malicious parties (RR22 and its implementations)",
    "many": "aggregation by two or more servers for many clients (Prio, Divvi Up, the IETF's DAP)",
}


def implemented(f: Facts, label: L) -> bool:
    """Does the toolkit ship this label for this task?"""
    return _find(f, label) is not None


def steps(f: Facts, n: Numbers, label: L) -> Steps:
    """The commands for this label and task; empty when the toolkit ships none."""
    found = _find(f, label)
    return found.steps(f, n) if found else ()


NOTES: tuple[tuple[Callable[[Facts, L], bool], str], ...] = (
    (
        lambda f, label: label is L.MPC_DP and f.function == "intersection_size" and not f.delta,
        "delta is 0 in the task; the noisy count needs one above 0, and 1e-9 stands in the command: set your own.",
    ),
    (
        lambda f, label: label is L.DP_LOCAL and f.function in ("mean", "sum"),
        "each respondent first rounds the value at random to one end of the bounds: 'yes' with probability (value - low)/(high - low).",
    ),
    (
        lambda f, label: label is L.MPC_THRESHOLD and f.function == "threshold",
        "the limit in the command is half of the parties: put in your own.",
    ),
    (
        lambda f, label: label in (L.DP_LAPLACE, L.DP_EXP) and f.releases > 1 and not f.unit_per_release,
        "the command spends one release's share of the budget; keep a ledger for the rest (`psiselect budget create`).",
    ),
)


def notes(f: Facts, n: Numbers, label: L) -> list[str]:
    """What the user must know about the commands."""
    return [text for applies, text in NOTES if applies(f, label)] if implemented(f, label) else []


def _find(f: Facts, label: L) -> Shipped | None:
    return next((s for s in SHIPPED if s.label is label and f.function in s.functions and s.when(f)), None)


def elsewhere(f: Facts, label: L) -> str:
    """The kind of tool that does what the toolkit does not ship."""
    overlap = f.function.startswith("intersection") or f.function == "lookup"
    kinds = (
        (overlap and f.n_holders > 2, "multi_party"),
        (overlap and f.match == "fuzzy", "fuzzy"),
        (overlap and f.adversary == "malicious" and f.function != "intersection_join_stats", "malicious_psi"),
        (f.function in ELSEWHERE and f.function != "histogram", f.function),
        (f.adversary == "malicious", "verifiable"),
        (f.n_holders > MAX_PARTIES, "many"),
        (f.function in ELSEWHERE, f.function),
    )
    return ELSEWHERE[next((kind for holds, kind in kinds if holds), "custom")]


__all__ = ["ELSEWHERE", "MAX_PARTIES", "NOISY_COUNT_DELTA", "ONE_BIT", "SHIPPED", "Step", "elsewhere", "epsilon_text", "implemented", "notes", "steps"]
