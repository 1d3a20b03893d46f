"""The warnings: tag, the field that triggers it, when, and the words with their arithmetic.

A new warning is one entry. `when` and `text` get the case: facts, numbers, this machine, and the answer's label.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cli.advisor import formulas, predictions, sources
from cli.advisor.commands import MAX_PARTIES, elsewhere, implemented
from cli.advisor.costs import Calibration
from cli.advisor.fields import ADDITIVE, ELEMENTS, INTERSECTIONS, ONE_BIT, SELECTIONS
from cli.advisor.labels import LABELS, Label as L
from cli.advisor.numbers import Numbers
from cli.advisor.predictions import Setting
from cli.advisor.rules import Rule
from cli.advisor.task import Facts, NeedToKnow
from cli.advisor.wording import duration, number, percent, size, whole


@dataclass(frozen=True)
class Case:
    """A decided task."""

    f: Facts
    n: Numbers
    machine: Calibration
    rule: Rule

    @property
    def label(self) -> L:
        """The answer."""
        return self.rule.label

    @property
    def family(self) -> str:
        """The answer's family."""
        return LABELS[self.label].family

    @property
    def setting(self) -> Setting:
        """What predictions are computed from."""
        return Setting(self.f, self.n, self.machine)

    @property
    def published(self) -> bool:
        """An exact result is given out although somebody might be seen in it."""
        return self.rule.name == "exact-holder"

    @property
    def exact_output(self) -> bool:
        """Is the result exact?"""
        return self.family == "MPC" or self.published

    @property
    def noisy(self) -> bool:
        """Is the answer differential privacy, or the refusal of it?"""
        refused = self.label is L.CHANGE_TASK and self.rule.name in ("unbounded", "hopeless", "overlap-hopeless", "extreme")
        return self.family in ("DP", "BOTH") or refused


@dataclass(frozen=True)
class Warning_:  # noqa: N801 (Warning is Python's)
    """One kind of warning."""

    tag: str
    field: str
    when: Callable[[Case], bool]
    text: Callable[[Case], str]


@dataclass(frozen=True)
class Caution:
    """A warning given, as in the JSON."""

    tag: str
    text: str
    field: str


SMALL = 100  # units up to which exact results of few inputs give inputs away with noticeable probability
LISTS_LARGE, BYTES_LARGE = 10**7, 10**9


def _in_lists(c: Case) -> bool:
    return c.f.function in INTERSECTIONS and c.label is not L.NO_PET and c.label is not L.CHANGE_TASK


def _edge(c: Case) -> bool:
    if c.rule.name == "two-inputs":
        return True
    if not c.exact_output or c.f.function in (*ELEMENTS, "inference", "training", "custom", "intersection_join_stats"):
        return False
    if c.f.function in ("count", "proportion", "histogram", *ONE_BIT):
        return True
    if c.f.function in ("intersection_size", "intersection_sum"):
        return min(c.f.n_a or SMALL, c.f.n_b or SMALL) <= SMALL
    return _units(c) <= SMALL


def _units(c: Case) -> int:
    return int(c.f.n_holders if c.f.each_holder_one_unit else (c.f.n_units or c.f.n_holders))


def _edge_text(c: Case) -> str:
    n = _units(c)
    if c.rule.name == "two-inputs" or n == 2:
        return "With two inputs the result minus one's own is the other's."
    if c.f.function in ("intersection_size", "intersection_sum"):
        return "A count of 0, or of a whole list, says which items are common; with a list of one item it always does."
    if c.f.function == "histogram":
        return "A cell with one or two contributors shows them to each other; merge or hide cells below a fixed size."
    if c.f.function in SELECTIONS:
        return f"With {n:,} ballots the totals may show everybody's: an option with 0 or {n:,} approvals was marked by nobody or by all."
    if c.f.function in ("count", "proportion", *ONE_BIT):
        odds = (
            f"If each says yes with probability 0.95, all {n:,} agree with probability {percent(formulas.unanimity(n, 0.95))}"
            f", and a lone dissenter, who then knows every other answer, occurs with {percent(formulas.lone_dissenter(n, 0.95))}"
        )
        kind = "One bit shows unanimity only where the limit is 1 or all." if c.f.function == "threshold" else "A unanimous result shows every input."
        return f"{kind} {odds}."
    return f"With {n:,} inputs some results give inputs away: at either end of the range all inputs are known."


def _small_n(c: Case) -> bool:
    n = c.n
    if c.f.function in SELECTIONS:
        gap = c.f.score_gap
        return gap is not None and n.gap_needed95 > gap
    if c.f.function == "quantile":
        return n.shortfall95 > n.at_stake
    if c.f.function not in (*ADDITIVE, "intersection_size", "intersection_sum") or not n.bounded:
        return False
    return n.limit_source.startswith(("tolerance", "10")) and not n.fits(_best_noise(c))


def _best_noise(c: Case) -> float:
    """The error of the best noise that the task's trust allows."""
    if c.f.central:
        return c.n.central_err95
    alone = c.f.each_holder_one_unit and not c.f.helper_servers and c.f.n_holders > 1000
    return c.n.local_err95 if alone else c.n.shared_err95


def _small_n_text(c: Case) -> str:
    n = c.n
    if c.f.function in SELECTIONS:
        chance = ""
        if c.f.function == "select_best":
            odds = sources.em_winner(n.candidates, c.f.score_gap, n.exponent)
            chance = f"; a lead of {number(c.f.score_gap)} is found with probability {percent(odds)} only"
        return f"A private choice needs a lead of {number(n.gap_needed95)} votes to be right 19 times in 20{chance}."
    if c.f.function == "quantile":
        return f"The quantile may be {number(n.shortfall95)} ranks off, of {whole(n.n)} in all."
    error = _best_noise(c)
    text = f"Plus or minus {number(error)} at 95 %"
    if c.f.expected_value:
        text += f" on a result of {number(c.f.expected_value)}"
    text += f", where {number(n.limit)} is tolerable"
    if c.f.function in ("mean", "proportion"):
        power = 1 if c.f.central else 2
        text += f"; n >= {whole(n.n * (error / n.limit) ** power)} would do" if n.limit > 0 else ""
    return text + "."


def _unbounded_text(c: Case) -> str:
    eps = c.n.epsilon
    if c.f.bounded == "no":
        return (
            "One unit can change the result without limit, so no finite noise hides it. Clamp at a public C: the error is what "
            f"is cut off plus C/{number(eps)}, least where about {number(1 / eps)} units exceed C. C must not be read off the data "
            "without spending budget."
        )
    clamp = f"C = {number(c.f.bounds[1])}" if c.f.bounds else "C"
    noise = f" = {number(c.f.bounds[1] / eps)} in the total" if c.f.bounds else ""
    return (
        f"Clamping at {clamp} biases the result downwards by what is cut off, and adds noise of C/eps{noise}; the best C has about "
        f"{number(1 / eps)} units above it. Choose it from public knowledge."
    )


def _composition_text(c: Case) -> str:
    f, n = c.f, c.n
    if f.unit_per_release:
        return (
            f"Epsilon {number(n.epsilon)} is promised for each release; over {f.releases:,} releases a person who is in all of them "
            f"has {number(n.epsilon * f.releases)}."
        )
    return f"{f.releases:,} releases share epsilon {number(f.epsilon_total)}: {number(n.epsilon)} each, so {f.releases:,} times the noise."


def _group_text(c: Case) -> str:
    return (
        f"A unit has up to {c.f.max_contrib:,} records: all together are hidden at epsilon {number(c.n.epsilon)}, a factor of "
        f"{c.f.max_contrib:,} in the noise; a group larger than that is protected proportionally less."
    )


def _unknown_text(c: Case) -> str:
    delta = c.f.delta or predictions.DEMO_DELTA
    both = [formulas.unknown_key_threshold(c.n.epsilon, delta, c.f.max_contrib, replace) for replace in (True, False)]
    own = "" if c.f.delta else " Your delta is 0, with which only groups fixed in advance can be shown."
    return (
        f"Groups come from the data: show one only if its noisy count reaches {number(both[0])} (replace-one) or {number(both[1])} "
        f"(add-remove) at delta {delta:g}.{own}"
    )


def _collusion_text(c: Case) -> str:
    n = int(c.f.n_holders)
    if c.label is L.MPC_SUM:
        return f"Any {n - 1:,} of the {n:,} who put their heads together learn the last one's input: that is inherent in an exact sum."
    if c.label is L.MPC_DP and c.f.function.startswith("intersection"):
        return "The noise is the other party's: a learner who also sees that party's list, or leaves out its dummy items, has the exact number."
    if c.label is L.MPC_DP:
        if c.n.selects or not (c.f.function in ADDITIVE):
            return "The computing parties must not collude in a majority: together they see every input."
        t, parties = c.n.colluding, c.n.noise_parties
        full = c.n.split_err95(parties - 1)
        return (
            f"Each party adds a share of the noise so that {t:,} of {parties:,} colluding still see nobody: error {number(c.n.shared_err95)} "
            f"at 95 %; for all but one colluding {number(full)}; a single trusted noise would give {number(c.n.central_err95)}."
        )
    return "A majority of the computing parties together could see every input (honest majority assumed)."


def _dominant_text(c: Case) -> str:
    return (
        "One input may be over a quarter of the total, so the total is nearly its value and whoever knows it learns the rest. Ask how "
        "many exceed a limit, a median, or a sum of values cut off at a public limit."
    )


def _high_sens_text(c: Case) -> str:
    if c.f.function == "extreme":
        return "One unit alone decides the largest value: noise that hides it is as large as the range."
    spread = f" of {number(c.n.width)}" if c.f.bounds else ""
    return (
        f"In the worst case one unit moves a raw quantile over the whole range{spread}; drawn by rank instead, it is off by at most "
        f"{number(c.n.shortfall95)} ranks."
    )


def _scale_text(c: Case) -> str:
    if c.f.function in INTERSECTIONS:
        cost = predictions.list_cost(c.setting)
        return (
            f"{whole(c.f.n_a + c.f.n_b)} items: {size(cost.bytes)} of traffic and about {duration(cost.seconds)} on this machine for each "
            "run; the larger side can be prepared once and kept for many questions by a client-server protocol."
        )
    messages = sources.sum_messages(c.f.n_holders)
    return f"All-to-all takes {whole(messages)} messages; let two or more non-colluding servers aggregate (here at most {MAX_PARTIES} parties)."


def _scale(c: Case) -> bool:
    if c.f.function in INTERSECTIONS:
        if c.f.n_a is None or c.f.n_b is None or not _in_lists(c):
            return False
        return bool(c.f.n_a + c.f.n_b >= LISTS_LARGE or predictions.list_cost(c.setting).bytes > BYTES_LARGE)
    return c.label in (L.MPC_SUM, L.MPC_DP, L.MPC_THRESHOLD) and c.f.n_holders > MAX_PARTIES and c.f.function in (*ADDITIVE, *SELECTIONS, *ONE_BIT)


def _low_entropy_text(c: Case) -> str:
    days = predictions.PHONES * c.machine.seconds_per_multiplication / 86400
    return (
        "All possible identifiers can be listed, so hashing them is no protection, and a party that puts in all of them reads the other "
        f"list off the matches (10^10 telephone numbers take {number(days)} core-days on this machine): cap sizes and limit runs."
    )


def _not_implemented(c: Case) -> bool:
    if c.label in (L.CHANGE_TASK, L.NO_PET):
        return c.rule.name == "rows"
    return not implemented(c.f, c.label)


def _not_implemented_text(c: Case) -> str:
    what = f"{c.f.function.replace('_', ' ')} by {c.label}" if c.rule.name != "rows" else "synthetic data"
    helper = ""
    if c.f.n_holders == 2 and c.f.function in ("threshold", "all_agree", "extreme", "select_best"):
        helper = " With a third, non-colluding helper as a party the shipped commands do it (honest majority of three)."
    return f"This toolkit does not ship {what} for this task; look for {elsewhere(c.f, c.label)}.{helper}"


def _local_cost_text(c: Case) -> str:
    central = number(c.n.central_err95)
    return (
        f"Noise at the source: error {number(c.n.local_err95)} at 95 %, against {central} with a trusted holder or two non-colluding "
        f"servers, for the same epsilon: about the square root of n."
    )


def _concerns_bound(c: Case) -> bool:
    about = c.f.function in ("sum", "mean", "quantile", "extreme", "intersection_sum")
    return c.f.bounded == "no" and (about or c.rule.name == "unbounded") or (c.f.bounded == "clampable" and about)


def _parties_meet(c: Case) -> bool:
    return c.label not in (L.NO_PET, L.CHANGE_TASK) and c.f.n_holders > 1 and c.family in ("MPC", "BOTH")


WARNINGS: tuple[Warning_, ...] = (
    Warning_("SMALL_N", "n_units", _small_n, _small_n_text),
    Warning_("UNBOUNDED_SENS", "bounded", lambda c: c.label is not L.NO_PET and _concerns_bound(c), _unbounded_text),
    Warning_("DOMINANT_INPUT", "dominant_possible", lambda c: c.f.dominant_possible and c.rule.name not in ("public", "entitled"), _dominant_text),
    Warning_(
        "HIGH_SENS", "function",
        lambda c: c.f.function == "extreme" and c.label is L.CHANGE_TASK or (c.f.function == "quantile" and c.noisy), _high_sens_text,
    ),
    Warning_("EDGE_OUTPUT", "n_units", _edge, _edge_text),
    Warning_(
        "AUX_INFO", "aux_likely", lambda c: c.exact_output or (c.f.aux_likely and c.label is L.CHANGE_TASK),
        lambda c: "An exact result can be combined with what the recipients know from elsewhere, now or later: whoever knows all "
        "inputs but one can work out that one, as far as the result determines it.",
    ),
    Warning_(
        "DIFFERENCING", "inputs_change", lambda c: c.exact_output and c.f.releases > 1 and c.f.inputs_change,
        lambda c: f"{c.f.releases:,} exact results on changing data can be subtracted: two results before and after one change show it exactly. "
        "Fix the dates, batch the changes, or use noise with one budget.",
    ),
    Warning_(
        "MEMBERSHIP_REVEALED", "function", lambda c: _in_lists(c) and c.f.function in ELEMENTS,
        lambda c: "The result itself says of named people or items that they are on the other list. If a number is enough, ask for a count.",
    ),
    Warning_(
        "SET_SIZE_LEAK", "n_a", lambda c: _in_lists(c),
        lambda c: "Each side learns how long the other's list is, and the size variants show the overlap's size; pad both lists to an "
        "agreed bound if that matters.",
    ),
    Warning_("LOW_ENTROPY", "ids_enumerable", lambda c: c.f.ids_enumerable and _in_lists(c), _low_entropy_text),
    Warning_(
        "INPUT_AUTH", "function",
        lambda c: _in_lists(c) or (c.label in (L.MPC_THRESHOLD, L.MPC_OTHER) and c.f.function in (*ONE_BIT, "auction", "extreme")),
        lambda c: "No protocol checks that inputs are true: a party can put in invented items or values and learn from the result.",
    ),
    Warning_(
        "MALICIOUS", "adversary", lambda c: c.f.adversary == "malicious" and c.label is not L.NO_PET,
        lambda c: "Somebody may deviate; protocols for parties that follow the program are not enough: proofs of validity are needed. "
        + ("Respondents can also lie: bound what one answer can do." if c.label is L.DP_LOCAL else ""),
    ),
    Warning_(
        "COLLUSION", "n_holders",
        lambda c: c.label in (L.MPC_SUM, L.MPC_DP) or (c.label in (L.MPC_THRESHOLD, L.MPC_OTHER) and c.f.function in (*ONE_BIT, *SELECTIONS, "extreme", "auction")),
        _collusion_text,
    ),
    Warning_("COMPOSITION", "releases", lambda c: c.noisy and c.f.releases > 1, _composition_text),
    Warning_("GROUP_PRIVACY", "max_contrib", lambda c: c.noisy and c.f.max_contrib > 1, _group_text),
    Warning_(
        "UNKNOWN_DOMAIN", "domain_known", lambda c: c.noisy and c.f.domain_known is False and c.f.function in ("histogram", *SELECTIONS), _unknown_text
    ),
    Warning_(
        "ANON_PARTICIPATION", "anonymous_participants", lambda c: c.f.anonymous_participants and (_parties_meet(c) or c.label is L.DP_LOCAL),
        lambda c: "This hides what is put in, not who puts it in: send it through an anonymity network, and mind that group size shows.",
    ),
    Warning_(
        "TRUSTED_CURATOR", "trusted_curator", lambda c: c.family == "DP" and c.label is not L.DP_LOCAL,
        lambda c: "The holder sees all raw data, and the guarantee holds only if the holder keeps them and adds the noise as told.",
    ),
    Warning_(
        "LOCAL_COST", "trusted_curator",
        lambda c: c.label is L.DP_LOCAL or (c.rule.name == "hopeless" and c.f.each_holder_one_unit and not c.f.central and not c.n.selects),
        _local_cost_text,
    ),
    Warning_(
        "FUZZY", "match", lambda c: _in_lists(c) and c.f.match == "fuzzy",
        lambda c: "Equality misses every variant spelling. Normalise (case, accents, formats) and match on several exact keys; what is left "
        "needs similarity protocols.",
    ),
    Warning_(
        "MULTI_PARTY", "n_holders", lambda c: _in_lists(c) and c.f.n_holders > 2,
        lambda c: f"With {c.f.n_holders:,} lists, pairwise runs would show {whole(c.f.n_holders * (c.f.n_holders - 1) / 2)} pairwise overlaps "
        "that nobody asked for.",
    ),
    Warning_(
        "EXACTNESS", "exact",
        lambda c: c.published or (c.f.exact == "required" and c.f.hides_output and c.label not in (L.NO_PET, L.CHANGE_TASK)),
        lambda c: "Exact figures are demanded, so differential privacy is not on offer, and other noisy figures from the same data promise less "
        "once these are out.",
    ),
    Warning_("SCALE", "n_b", _scale, _scale_text),
    Warning_(
        "DROPOUT", "always_online", lambda c: not c.f.always_online and _parties_meet(c),
        lambda c: "A sum of shares needs every party to the end: one that is silent stops the run. Use aggregation servers that stay up, or "
        "a threshold scheme.",
    ),
    Warning_("NOT_IMPLEMENTED", "function", _not_implemented, _not_implemented_text),
)


def cautions(case: Case) -> list[Caution]:
    """Every warning that applies; where its arithmetic lacks a field, it says which."""
    given = []
    for warning in WARNINGS:
        try:
            applies = warning.when(case)
        except NeedToKnow:
            continue
        if applies:
            given.append(Caution(warning.tag, _text(warning, case), warning.field))
    return given


def _text(warning: Warning_, case: Case) -> str:
    try:
        return warning.text(case)
    except NeedToKnow as unknown:
        return f"This applies here; give [{unknown.field}] to see its arithmetic."
