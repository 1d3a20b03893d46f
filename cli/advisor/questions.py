"""The words of each field: the question, an example of an answer, and why it matters (what `?` prints)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """What the conversation says for one field. `words` explain choices whose names do not explain themselves."""

    ask: str
    example: str
    why: str
    words: Mapping[str, str]


def _q(ask: str, example: str, why: str, **words: str) -> Question:
    return Question(ask, example, why, words)


QUESTIONS: Mapping[str, Question] = {
    "function": _q(
        "What do you want to find out?",
        "count",
        (
            "What is computed decides the whole branch: a list of common customers, a total and a winner need "
            "different "
            "tools."
        ),
        intersection="which items are on both lists",
        intersection_size="how many items are on both lists",
        intersection_sum="a total over the items on both lists",
        intersection_join_stats="statistics over the joined records of both lists",
        lookup="whether my items are on somebody's list",
        sum="a total",
        mean="an average",
        count="how many",
        proportion="a share or percentage",
        histogram="how many in each group",
        quantile="a median or other quantile",
        extreme="the largest or smallest value",
        select_best="which option wins",
        top_k="the k leading options",
        threshold="only whether a limit is reached",
        equality="only whether two values are the same",
        all_agree="only whether everybody agrees",
        auction="who wins an auction, at what price",
        inference="a model's answer on somebody's data",
        training="a model learnt from the data",
        custom="another function of private inputs",
        row_release="the records themselves, row by row",
        individual_record="one particular person's record",
    ),
    "data_public": _q(
        "Are all the inputs public already?", "no", "Where nothing is secret there is nothing to protect."
    ),
    "n_holders": _q(
        "How many parties hold a part of the data and will not show it to the others?",
        "2 companies: 2; one office that has it all: 1; a poll of 5000 people: 5000",
        "With one holder there is nobody to hide the inputs from, so secure computation does nothing. With two, a "
        "total gives "
        "away the other's number.",
    ),
    "each_holder_one_unit": _q(
        "Does each of them hold just one person's or firm's own value (a voter, a telephone, a firm)?",
        "yes for a poll, no for hospitals with many patients",
        (
            "People who hold their own value can add noise before they answer; two single inputs cannot be summed in "
            "secret."
        ),
    ),
    "trusted_curator": _q(
        "Is there somebody who may see all the raw data, and whom all of them trust with it?",
        "yes if a statistics office or a notary collects the forms",
        "A trusted holder can add noise once, centrally. Without one it takes secure computation or much more noise.",
    ),
    "recipients": _q(
        "Who gets the result?",
        "public",
        "Who sees the result draws conclusions from it; those need not be the ones who gave the data.",
        participants="those who hold the data",
        one_participant="one of them",
        subset="some of them",
        external="somebody else",
        public="everybody",
    ),
    "exact": _q(
        "Must the result be exact?",
        "required for an election, not_needed for a survey",
        "Differential privacy adds noise, always. If that is not permitted, only secure computation or plain "
        "publication is "
        "left.",
        required="yes: any error is unacceptable, or the law says so",
        preferred="rather exact, but a small error would do",
        not_needed="a small error does no harm",
    ),
    "output_privacy": _q(
        "Must the result itself hide each single person or firm, even from somebody who knows everybody else's data?",
        "required for published statistics about people",
        (
            "Secure computation hides the inputs and then shows the exact result. Only noise hides a person inside the "
            "result."
        ),
        required="yes",
        desired="it would be good",
        not_needed="no, the exact result may be known to those who get it",
    ),
    "match": _q(
        "Do the two lists spell the same item in the same way (after upper and lower case, spaces, number formats)?",
        "exact for e-mail addresses, fuzzy for names typed by hand",
        "Private set intersection compares for equality: one different letter and there is no match.",
        exact="yes, or a rule can make them equal",
        fuzzy="no, similar spellings must match too",
    ),
    "adversary": _q(
        "Will everybody run the agreed program, though curious, or may somebody cheat?",
        "semi_honest between companies under contract",
        "Most practical protocols assume that the program is run as agreed; proofs against cheating cost more.",
        semi_honest="they follow the protocol",
        malicious="somebody may deviate to learn more or to falsify",
    ),
    "n_units": _q(
        "How many people (or firms, whatever is to be protected) are in the data altogether?",
        "5000",
        (
            "Noise hides one among n: its size does not depend on n, so a mean over few is drowned and one over many "
            "is "
            "not."
        ),
    ),
    "n_a": _q(
        "How many items are on your list (the side that learns)?", "100000", "Time and traffic grow with the lists."
    ),
    "n_b": _q("And on the other list?", "100000", "Time and traffic grow with the lists."),
    "bounded": _q(
        "Is there a largest possible value for one person, or may values be cut off at one?",
        "yes for a mark from 1 to 6, clampable for incomes",
        "Noise must cover the largest change that one person can make. Without a limit no finite noise is enough.",
        yes="yes, values lie between known limits",
        clampable="not by nature, but larger values may be cut off",
        no="no limit, and nothing may be cut off",
    ),
    "bounds": _q(
        "What are the limits, lowest and highest?", "[0, 5000]", "The noise is proportional to highest minus lowest."
    ),
    "n_candidates": _q(
        "Among how many options?", "6", "The more options, the easier a wrong one slips in front by noise."
    ),
    "output_dim": _q(
        (
            "How many numbers come out together? (For a vote: 1 if only the winner may be known, else the number of "
            "totals shown.)"
        ),
        "1",
        "Several numbers share the privacy budget, and whatever is not shown need not be protected.",
    ),
    "score_gap": _q(
        "By how many votes did (or will) the winner lead, at a public guess? Enter if unknown.",
        "400, from last year's result",
        "A lead larger than the noise is found almost surely; a smaller one is a lottery.",
    ),
    "score_sensitivity": _q(
        "By how much can one person change an option's score?",
        "1",
        "The noise is proportional to what one person can change.",
    ),
    "expected_value": _q(
        "What result do you expect, roughly? (a public guess, not computed from the data) Enter if unknown.",
        "400",
        "An error of three is nothing on 4000 and everything on 6.",
    ),
    "tolerance": _q(
        "What error would be acceptable, 19 times out of 20? Write 10 for plus or minus 10, or 5% of the result.",
        "10%",
        "Whether noise is usable is decided by this number.",
    ),
    "helper_servers": _q(
        "Could two or more independent servers be found that will not collude?",
        "yes if two institutions with no common interest would each run one",
        "Split over two servers, everybody's data stays hidden and the noise is added once instead of by each person.",
    ),
    "epsilon_total": _q(
        "What privacy budget (epsilon) do you grant in all? The advisor never chooses it for you.",
        "1",
        "Smaller is more private and noisier: at epsilon 1 one person changes the odds of any result by at most 2.7.",
    ),
    "delta": _q(
        "And delta, the chance that the guarantee fails?", "0", "Some methods need a tiny one, for example 1e-9."
    ),
    "releases": _q(
        "How many times will a result of this kind be given out?",
        "1",
        "Each noisy release spends a part of the budget.",
    ),
    "unit_per_release": _q(
        "Is epsilon meant for each release (a person's day) rather than for all of them together?",
        "no",
        "Only one of the two is a promise to the person; a per-day promise grows with the days.",
    ),
    "inputs_change": _q(
        "Do the data change a little between the results?",
        "no",
        "Two exact results can be subtracted: what changed is left.",
    ),
    "max_contrib": _q(
        "How many records can one person (or the group to protect) contribute?",
        "1",
        "To hide c records takes c times the noise.",
    ),
    "domain_known": _q(
        "Are the groups fixed in advance, rather than taken from the data?",
        "yes",
        "A group that appears only because somebody is in it gives that person away.",
    ),
    "outlier_sensitive": _q("Do single extreme values move the result?", "no", "They set the size of the noise."),
    "dominant_possible": _q(
        "Could one of them be more than a quarter of the total?", "no", "Then the total is nearly that one's number."
    ),
    "aux_likely": _q(
        "Might those who get the result know single inputs from elsewhere (the press, a competitor)?",
        "no",
        "What they know can be subtracted from an exact result.",
    ),
    "ids_enumerable": _q(
        "Could somebody list all possible identifiers (telephone numbers, tax numbers)?",
        "no for e-mail addresses",
        "Then a party can put in all of them and read your list off the matches.",
    ),
    "anonymous_participants": _q(
        "Must it stay unknown who takes part?", "no", "Secure computation hides what is put in, not who puts it in."
    ),
    "always_online": _q(
        "Will all of them be online to the end?", "yes", "Where every share is needed, one silent party stops the run."
    ),
}
