"""What each warning says, with its arithmetic."""

from __future__ import annotations

from cli.advisor import formulas, predictions, sources
from cli.advisor.case import Case
from cli.advisor.elsewhere import elsewhere
from cli.advisor.fields import ADDITIVE, INTERSECTIONS, SELECTIONS
from cli.advisor.labels import L
from cli.advisor.printed_commands import MAX_PARTIES
from cli.advisor.wording import duration, number, percent, size, whole

AUX = (
    "An exact result can be combined with what the recipients know from elsewhere, now or later: whoever knows all "
    "inputs "
    "but one can work out that one, as far as the result determines it."
)
DOMINANT = (
    "One input may be over a quarter of the total, so the total is nearly its value, and whoever knows it learns the "
    "rest. "
    "Ask how many exceed a limit, a median, or a sum of values cut off at a public limit."
)
MEMBERSHIP = (
    "The result itself says of named people or items that they are on the other list. If a number is enough, ask for a "
    "count."
)
SIZES = (
    "Each side learns how long the other's list is, and the size variants show the overlap's size; pad both lists to "
    "an "
    "agreed bound if that matters."
)
AUTH = "No protocol checks that inputs are true: a party can put in invented items or values and learn from the result."
ANONYMOUS = (
    "This hides what is put in, not who puts it in: send it through an anonymity network, and mind that the number of "
    "those who take part shows."
)
CURATOR = (
    "The holder sees all raw data, and the guarantee holds only if the holder keeps them and adds the noise as told."
)
FUZZY = (
    "Equality misses every variant spelling. Normalise (case, accents, formats) and match on several exact keys; "
    "what is "
    "left needs similarity protocols."
)
EXACTNESS = (
    "Exact figures are demanded, so differential privacy is not on offer, and other noisy figures from the same data "
    "promise less once these are out."
)
DROPOUT = (
    "A sum of shares needs every party to the end: one that is silent stops the run. Use aggregation servers that stay "
    "up, or a threshold scheme."
)


def malicious(c: Case) -> str:
    """MALICIOUS."""
    if c.label is L.DP_LOCAL:
        return (
            "Respondents can lie: whatever one of them sends, it must not move the result by more than one answer can."
        )
    return (
        "Somebody may deviate, and protocols for parties that follow the program are not enough: it takes proofs of "
        "validity."
    )


def differencing(c: Case) -> str:
    """DIFFERENCING."""
    return (
        f"{c.f.releases:,} exact results on changing data can be subtracted: two results before and after one change "
        "show it "
        "exactly. Fix the dates, batch the changes, or use noise with one budget."
    )


def multi_party(c: Case) -> str:
    """MULTI_PARTY."""
    lists = int(c.f.n_holders)
    pairs = whole(lists * (lists - 1) / 2)
    return f"With {lists:,} lists, pairwise runs would show {pairs} pairwise overlaps that nobody asked for."


def edge(c: Case) -> str:
    """EDGE_OUTPUT."""
    n, name = c.inputs, c.f.function
    if c.rule.name == "two-inputs" or (n == 2 and name not in INTERSECTIONS):
        return "With two inputs the result, together with one's own input, says much or all about the other's."
    if name in INTERSECTIONS:
        return "A count of 0, or of a whole list, says which items are common; with a list of one item it always does."
    if name == "histogram":
        return "A cell with one or two contributors shows them to each other; merge or hide cells below a fixed size."
    if name in SELECTIONS:
        return f"With {n:,} ballots the totals may show everybody's: 0 or {n:,} approvals mean nobody's or everybody's."
    if name not in ("count", "proportion", "threshold", "equality", "all_agree"):
        return f"With {n:,} inputs some results give inputs away: at either end of the range all of them are known."
    kinds = {
        "threshold": "One bit hides unanimity unless the limit is 1 or all; a lone dissenter still learns much.",
        "all_agree": "Yes shows every input; no shows a lone dissenter's to nobody else, but everybody's to that one.",
        "equality": "Equal shows both values to both.",
    }
    return (
        f"{kinds.get(name, 'A unanimous result shows every input.')} If each of {n:,} says yes with probability "
        "0.95, all agree "
        f"with probability {percent(formulas.unanimity(n, 0.95))}, and one dissenter, who then knows every other "
        "answer, "
        f"stands alone with {percent(formulas.lone_dissenter(n, 0.95))}."
    )


def small_n(c: Case) -> str:
    """SMALL_N."""
    n = c.n
    if c.f.function in SELECTIONS:
        text = f"A private choice needs a lead of {number(n.gap_needed95)} votes to be right 19 times in 20"
        if c.f.function != "select_best":
            return f"{text}."
        odds = sources.em_winner(n.candidates, c.f.score_gap, n.exponent)
        return f"{text}; a lead of {number(c.f.score_gap)} is found with probability {percent(odds)} only."
    if c.f.function == "quantile":
        return f"The quantile may be {number(n.shortfall95)} ranks off, of {whole(n.n)} in all."
    error = c.least_error
    text = f"Plus or minus {number(error)} at 95 %"
    if c.f.expected_value:
        text += f" on a result of {number(c.f.expected_value)}"
    text += f", where {number(n.limit)} is tolerable"
    if c.f.function in ("mean", "proportion") and n.limit > 0:
        text += f"; n >= {whole(n.n * (error / n.limit) ** (2 if c.alone else 1))} would do"
    return f"{text}."


def unbounded(c: Case) -> str:
    """UNBOUNDED_SENS."""
    eps = c.n.epsilon
    exceeding = f"about {number(1 / eps)} unit{'' if eps == 1 else 's'}"
    if c.f.bounded == "no":
        return (
            "One unit can change the result without limit, so no finite noise hides it. Clamp at a public C: the "
            "error is what "
            f"is cut off plus C/eps, with eps = {number(eps)}; it is least where {exceeding} exceed C. C must not be "
            "read off "
            "the data without spending budget."
        )
    clamp = f"C = {number(c.f.bounds[1])}" if c.f.bounds else "C"
    noise = f" = {number(c.f.bounds[1] / eps)} in the total" if c.f.bounds else ""
    return (
        f"Clamping at {clamp} biases the result downwards by what is cut off, and adds noise of C/eps{noise}; the "
        "best C has "
        f"{exceeding} above it. Choose it from public knowledge."
    )


def high_sensitivity(c: Case) -> str:
    """HIGH_SENS."""
    if c.f.function == "extreme":
        return "One unit alone decides the largest value: noise that hides it is as large as the range."
    spread = f" of {number(c.n.width)}" if c.f.bounds else ""
    return (
        f"In the worst case one unit moves a raw quantile over the whole range{spread}; drawn by rank instead, it is "
        "off by "
        f"at most {number(c.n.shortfall95)} ranks."
    )


def composition(c: Case) -> str:
    """COMPOSITION."""
    f, n = c.f, c.n
    if f.unit_per_release:
        return (
            f"Epsilon {number(n.epsilon)} is promised for each release; over {f.releases:,} releases a person who is "
            "in all of "
            f"them has {number(n.epsilon * f.releases)}."
        )
    return (
        f"{f.releases:,} releases share epsilon {number(f.epsilon_total)}: {number(n.epsilon)} each, so "
        f"{f.releases:,} times "
        "the noise."
    )


def group(c: Case) -> str:
    """GROUP_PRIVACY."""
    return (
        f"A unit has up to {c.f.max_contrib:,} records: all together are hidden at epsilon {number(c.n.epsilon)}, a "
        "factor of "
        f"{c.f.max_contrib:,} in the noise; a larger group is protected proportionally less."
    )


def unknown_domain(c: Case) -> str:
    """UNKNOWN_DOMAIN."""
    delta = c.f.delta or predictions.DEMO_DELTA
    both = [formulas.unknown_key_threshold(c.n.epsilon, delta, c.f.max_contrib, replace) for replace in (True, False)]
    own = "" if c.f.delta else " Your delta is 0, with which only groups fixed in advance can be shown."
    return (
        f"Groups come from the data: show one only if its noisy count reaches {number(both[0])} (replace-one) or "
        f"{number(both[1])} (add-remove) at delta {delta:g}.{own}"
    )


def collusion(c: Case) -> str:
    """COLLUSION."""
    n = int(c.f.n_holders)
    if c.label is L.MPC_SUM:
        return (
            f"Any {n - 1:,} of the {n:,} who put their heads together learn the last one's input: inherent in an "
            "exact sum."
        )
    if c.label is not L.MPC_DP:
        return "A majority of the computing parties together could see every input (an honest majority is assumed)."
    if c.f.function in INTERSECTIONS:
        return (
            "The noise is the other party's: a learner who sees that party's list, or leaves out its dummy items, "
            "has the number."
        )
    if c.f.function not in ADDITIVE:
        return "The computing parties must not collude in a majority: together they see every input."
    t, parties = c.n.colluding, c.n.noise_parties
    return (
        f"Each party adds a share of the noise so that {t:,} of {parties:,} colluding still see nobody: error "
        f"{number(c.n.shared_err95)} at 95 %; with all but one colluding {number(c.n.split_err95(parties - 1))}; a "
        "trusted "
        f"holder's noise would give {number(c.n.central_err95)}."
    )


def scale(c: Case) -> str:
    """SCALE."""
    if c.f.function in INTERSECTIONS:
        cost = predictions.list_cost(c.setting)
        return (
            f"{whole(c.f.n_a + c.f.n_b)} items: {size(cost.bytes)} of traffic and about {duration(cost.seconds)} on "
            "this machine "
            "for each run; a client-server protocol that prepares the larger side once serves many questions."
        )
    messages = whole(formulas.sum_messages(c.f.n_holders))
    return (
        f"All-to-all takes {messages} messages; let two or more non-colluding servers add up (here at most "
        f"{MAX_PARTIES} parties)."
    )


def low_entropy(c: Case) -> str:
    """LOW_ENTROPY."""
    days = predictions.PHONES * c.machine.seconds_to_hash / 86400
    return (
        "All possible identifiers can be listed, so hashing them is no protection, and a party that puts in all of "
        "them reads "
        f"the other list off the matches (10^10 telephone numbers take {number(days)} core-days on this machine): "
        "cap sizes "
        "and limit runs."
    )


def not_implemented(c: Case) -> str:
    """NOT_IMPLEMENTED."""
    if c.rule.name == "rows":
        return f"This toolkit does not make synthetic data; look for {elsewhere(c.f)}."
    helper = ""
    if c.f.n_holders == 2 and c.f.function in ("threshold", "all_agree", "extreme", "select_best"):
        helper = (
            " With a third, non-colluding helper as a party the shipped commands do it (an honest majority of three)."
        )
    what = c.f.function.replace("_", " ")
    return f"This toolkit does not ship {c.label} of this kind ({what}); look for {elsewhere(c.f)}.{helper}"


def local_cost(c: Case) -> str:
    """LOCAL_COST."""
    return (
        f"Noise at the source: error {number(c.n.local_err95)} at 95 %, against {number(c.n.central_err95)} with a "
        "trusted "
        "holder, at the same epsilon: worse by about the square root of n."
    )
