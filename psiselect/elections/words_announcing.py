"""What voters read of a result: the announcement, as texts in its order."""

from __future__ import annotations

from psiselect.base.errors import UsageError

RESULT = "Result of the vote"
WINNER = "Winner"
ELECTED = "Elected, in alphabetical order"
DATE = "Date of the draw"
SEATS = "Seats"
PROMISED = "What voters are promised"
HOW_TO_CHECK = "How to check"
OTHER_DRAWS = "these results"
# What the software keeps back, by what the promise hides.
COUNTS_AND_VOTERS = "The counts and the number of voters are"
COUNTS = "The counts are"
# How the draw is counted.
ON_RECORD = (
    "The draw is on record. The software wrote its cost to disk before it drew, and the result before it showed it. "
    "The record shows every draw from the file of ballots. Ask the organisers to show it."
)
IN_A_LEDGER = (
    "The draw is in a ledger, a file that counts what each draw costs. The software wrote the cost to disk before it "
    "drew. Ask the organisers to show the ledger."
)
NOWHERE = "The software kept no record of this draw. So it cannot show that this was the only draw."
WHERE_TO_READ = (
    "The page docs/elections.md of the software describes the promise and its limits. The page docs/privacy.md has "
    "the formulas. The folder dpselect has the source code that counts and draws."
)


def not_a_question(most: int) -> UsageError:
    return UsageError(f"--question must be one line of 1 to {most:,} printable characters", term="question")


def drawn_often(draws: int, promise: str) -> str:
    return f"The organisers drew from these ballots {draws} times. The promise for all draws together: {promise}"


def how_computed(*, several: bool) -> str:
    return f"How the {'committee' if several else 'winner'} was computed"


def computed(kept_back: str, *, several: bool) -> list[str]:
    """Paragraphs. kept_back: what is not published."""
    drew = "those elected" if several else "the winner"
    return [
        "On each ballot, a voter approves of any number of candidates. The software counted the approvals of each "
        f"candidate. Then it drew {drew} at random. The more approvals a candidate has, the better the chance. Equal "
        "approvals give equal chances.",
        f"The randomness hides each single ballot. In a close election, {drew} may therefore not have the most "
        f"approvals. {kept_back} not published, because that would break the promise.",
    ]


def software(version: str) -> str:
    return f"Software: psiselect {version}, the command psiselect vote winner."


def setting(epsilon: str, neighbors: str) -> str:
    return f"Setting of the draw: epsilon {epsilon}, {neighbors}."
