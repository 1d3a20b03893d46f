"""What the warnings say whose words depend on the task: which text, and its arithmetic."""

from __future__ import annotations

from cli.advisor import formulas, predictions, sources
from cli.advisor.case import Case
from cli.advisor.elsewhere import elsewhere
from cli.advisor.fields import BY_NAME
from cli.advisor.labels import L
from cli.advisor.predictions import P_YES
from cli.advisor.printed_commands import MAX_PARTIES
from cli.advisor.wording import count, duration, number, percent, size, whole
from cli.advisor.words import phrase


def malicious(c: Case) -> str:
    """MALICIOUS."""
    return phrase("warnings.malicious.respondents" if c.label is L.DP_LOCAL else "warnings.malicious.parties")


def differencing(c: Case) -> str:
    """DIFFERENCING."""
    return phrase("warnings.differencing", releases=count(c.f.releases))


def multi_party(c: Case) -> str:
    """MULTI_PARTY."""
    lists = int(c.f.n_holders)
    return phrase("warnings.multi-party", lists=count(lists), pairs=whole(lists * (lists - 1) / 2))


def edge(c: Case) -> str:
    """EDGE_OUTPUT."""
    n, name = c.inputs, c.f.function
    if c.rule.name == "two-inputs" or (n == 2 and not c.t.over_lists):
        return phrase("warnings.edge.two")
    if c.t.over_lists:
        return phrase("warnings.edge.lists")
    if name == "histogram":
        return phrase("warnings.edge.histogram")
    if c.t.selection:
        return phrase("warnings.edge.ballots", n=count(n))
    if name == "threshold":
        bit = phrase("warnings.edge.threshold")
    elif name == "all_agree":
        bit = phrase("warnings.edge.all-agree")
    elif name == "equality":
        bit = phrase("warnings.edge.equality")
    elif name in ("count", "proportion"):
        bit = phrase("warnings.edge.unanimous")
    else:
        return phrase("warnings.edge.inputs", n=count(n))
    everybody, one = percent(formulas.unanimity(n, P_YES)), percent(formulas.lone_dissenter(n, P_YES))
    return f"{bit} {phrase('warnings.edge.odds', n=count(n), p=P_YES, all=everybody, one=one)}"


def small_n(c: Case) -> str:
    """SMALL_N. Of an exact answer it says why noise is none."""
    return _too_few(c) if c.noisy else f"{phrase('warnings.small-n.no-noise-here')} {_too_few(c)}"


def _too_few(c: Case) -> str:
    n = c.n
    if c.t.selection:
        lead = number(n.gap_needed95)
        if c.f.function != "select_best":
            return phrase("warnings.small-n.lead", lead=lead)
        odds = percent(sources.em_winner(n.candidates, c.f.score_gap, n.exponent))
        return phrase("warnings.small-n.odds", lead=lead, gap=number(c.f.score_gap), odds=odds)
    if c.t.quantile:
        return phrase("warnings.small-n.ranks", ranks=number(n.shortfall95), n=whole(n.n))
    error, limit = number(c.least_error), number(n.limit)
    units = ""
    if c.f.function in ("mean", "proportion") and n.limit > 0:
        units = whole(n.n * (c.least_error / n.limit) ** (2 if c.alone else 1))
    if c.f.expected_value:
        expected = number(c.f.expected_value)
        if units:
            return phrase("warnings.small-n.error-result-units", error=error, expected=expected, limit=limit, n=units)
        return phrase("warnings.small-n.error-result", error=error, expected=expected, limit=limit)
    if units:
        return phrase("warnings.small-n.error-units", error=error, limit=limit, n=units)
    return phrase("warnings.small-n.error", error=error, limit=limit)


def unbounded(c: Case) -> str:
    """UNBOUNDED_SENS."""
    epsilon = c.n.drawn
    exceeding = number(1 / epsilon)
    units = phrase("warnings.unbounded.one" if epsilon == 1 else "warnings.unbounded.some", units=exceeding)
    if c.f.bounded == "no":
        return phrase("warnings.unbounded.unlimited", epsilon=number(epsilon), units=units)
    if not c.f.bounds:
        return phrase("warnings.unbounded.clamp", units=units)
    clamp = c.f.bounds[1]
    return phrase("warnings.unbounded.clamp-at", clamp=number(clamp), noise=number(clamp / epsilon), units=units)


def high_sensitivity(c: Case) -> str:
    """HIGH_SENS."""
    if c.t.extreme:
        return phrase("warnings.high-sens.extreme")
    ranks = number(c.n.shortfall95)
    if c.f.bounds:
        return phrase("warnings.high-sens.quantile-range", width=number(c.n.width), ranks=ranks)
    return phrase("warnings.high-sens.quantile", ranks=ranks)


def composition(c: Case) -> str:
    """COMPOSITION."""
    epsilon, releases = number(c.n.epsilon), count(c.f.releases)
    if c.f.unit_per_release:
        in_all = number(c.n.epsilon * c.f.releases)
        return phrase("warnings.composition.each", epsilon=epsilon, releases=releases, all=in_all)
    return phrase("warnings.composition.shared", epsilon=epsilon, releases=releases, total=number(c.f.epsilon_total))


def group(c: Case) -> str:
    """GROUP_PRIVACY."""
    return phrase("warnings.group-privacy", records=count(c.f.max_contrib), epsilon=number(c.n.epsilon))


def unknown_domain(c: Case) -> str:
    """UNKNOWN_DOMAIN."""
    delta = c.f.delta or predictions.DEMO_DELTA
    replace, add_remove = (
        number(formulas.unknown_key_threshold(c.n.epsilon, delta, c.f.max_contrib, relation))
        for relation in (True, False)
    )
    return phrase(
        "warnings.unknown-domain.delta" if c.f.delta else "warnings.unknown-domain.no-delta",
        replace=replace,
        add_remove=add_remove,
        delta=f"{delta:g}",
    )


def collusion(c: Case) -> str:
    """COLLUSION."""
    if c.label is L.MPC_SUM:
        return phrase("warnings.collusion.two" if c.f.n_holders == 2 else "warnings.collusion.sum")
    if c.label is not L.MPC_DP:
        return phrase("warnings.collusion.majority")
    if c.t.over_lists and not c.t.more_than_two:
        return phrase("warnings.collusion.lists")
    if not c.t.additive:
        return phrase("warnings.collusion.choice")
    return phrase(
        "warnings.collusion.noise",
        colluding=count(c.n.colluding),
        parties=count(c.n.noise_parties),
        error=number(c.n.shared_err95),
        worst=number(c.n.split_err95(c.n.noise_parties - 1)),
        central=number(c.n.central_err95),
    )


def scale(c: Case) -> str:
    """SCALE."""
    if c.t.over_lists:
        cost = predictions.list_cost(c)
        items = whole(c.f.n_a + c.f.n_b)
        return phrase("warnings.scale.lists", items=items, traffic=size(cost.bytes), time=duration(cost.seconds))
    messages = whole(formulas.sum_messages(c.f.n_holders))
    return phrase("warnings.scale.parties", messages=messages, parties=MAX_PARTIES)


def low_entropy(c: Case) -> str:
    """LOW_ENTROPY."""
    return phrase("warnings.low-entropy", days=number(predictions.PHONES * c.machine.seconds_to_hash / 86400))


def not_implemented(c: Case) -> str:
    """NOT_IMPLEMENTED."""
    tool = elsewhere(c.t)
    if c.rule.name == "rows":
        return phrase("warnings.not-implemented.rows", tool=tool)
    pair = c.f.n_holders == 2 and c.f.function in ("threshold", "all_agree", "extreme", "select_best")
    return phrase(
        "warnings.not-implemented.with-helper" if pair else "warnings.not-implemented.other",
        label=c.label.short,
        function=BY_NAME["function"].means(c.f.function),
        tool=tool,
    )


def local_cost(c: Case) -> str:
    """LOCAL_COST."""
    return phrase("warnings.local-cost", local=number(c.n.local_err95), central=number(c.n.central_err95))
