"""What people read from this room's Python: choices that forms offer, names of fields, and sentences on a result."""

from __future__ import annotations

# Matches. Both sides choose the same words.

RULES = {
    "email": ("E-mail addresses", "Upper and lower case count as the same."),
    "phone": ("Telephone numbers", "Written with or without spaces, brackets or country code."),
    "name": ("Names of persons", "Accents, case and spaces do not matter. Many people share a name."),
    "date": ("Dates", ""),
    "text": ("Other texts", "Case and spaces around do not matter."),
    "raw": ("Exactly as written", "Such as a customer number. Every letter counts."),
}
ORDERS = {
    "iso": "Year first, such as 1990-04-03",
    "dmy": "Day first, such as 03/04/1990",
    "mdy": "Month first, such as 04/03/1990",
}
MATCHING = {
    "one-to-many": "Each column finds its own matches, and a row may match several times",
    "one-to-one": "A row matches once, by the first column that fits",
}
GETS = {"caller": "The one who calls", "waiter": "The one who waits", "both": "Both of you"}
REVEAL = {
    "matches": "Which rows match",
    "count": "Only how many match",
    "sum": "How many match, and the sum of a column over them",
}
SESSION_FIELDS = {
    "compared": "Telephone call",
    "minimum": "Smallest result that is shown",
    "receive": "Columns that you get",
    "value": "Column to be added up",
    "decimals": "Decimal places",
    "largest": "Largest sum of one value",
    "host": "Address of your partner’s machine",
    "port": "Port",
    "offer": "Your partner’s offer",
    "all": "The match",
}

# Records.

REVEALED = {
    "matches": "Which rows match",
    "count": "Only how many match",
    "sum": "How many match, and a sum over them",
    "noisy-count": "How many match, with noise",
}

# Numbers.

STATISTICS = {
    "count": ("Count rows", "How many rows there are, or how many say a certain thing."),
    "sum": ("Add up a column", "Such as the total of all donations."),
    "mean": ("Average of a column", "Such as the average age."),
    "quantile": (
        "Median of a column",
        "The value in the middle, or another quantile. Very large values do not matter.",
    ),
    "histogram": ("Count rows by category", "Such as how many said yes, no or maybe; or how many are of which age."),
    "table": ("Counts, sums and averages by group", "Such as the average age in each town."),
    "threshold": ("First of several values that is frequent", "Only its name is shown, and no count."),
}
NUMBER_FIELDS = {
    "name": "Name of the data",
    "file": "File",
    "column": "Column",
    "by": "Column of the groups",
    "equals": "Only rows that say this",
    "lower": "Lowest value",
    "upper": "Highest value",
    "unit": "Step",
    "n": "Number of rows",
    "q": "Which quantile",
    "categories": "Values",
    "bins": "Edges of the ranges",
    "other": "Name for all other values",
    "groups": "Groups",
    "statistics": "What to show",
    "at_least": "How many rows are enough",
    "epsilon": "Epsilon",
    "limit": "Budget",
    "contributions": "Rows of one person",
    "person": "Column that says whose row it is",
    "all": "The question",
}
HIDES = {
    "add-remove": "whether a person is in the file, and what their row says",
    "replace": "what a person's row says; who is in the file is taken to be public",
}
HIDES_OF_A_BUDGET = {
    "add-remove": "whether a person is in the data, and what the data say of them",
    "replace": "what the data say of a person; who is in the data is taken to be public",
}
_CHANGES = {"add-remove": "Leaving out any one {person}", "replace": "Changing any one {person}"}
ROWS_ARE_PRIVATE = "How far off it is depends on how many rows there are, which is private."
NEAR_THE_LIMIT = "The counts and the limit have noise, so a value near the limit may be missed or named."
EACH_NUMBER = "Each number"
THE_NUMBER = "The number"
PERSON = "person"
ROW = "row"


def each_of(name: str) -> str:
    return f"Each {name}"


def off_by(what: str, most: str) -> str:
    return f"{what} is off by at most {most} in 19 of 20 releases."


def ranks_off(most: str) -> str:
    return f"In 19 of 20 releases, at most {most} rows lie between the answer and the best possible one."


def person_with_rows(rows: int) -> str:
    return f"person with up to {rows} rows"


def for_persons(what: str, rows: str) -> str:
    """What a budget was spent on, where a person may have several rows."""
    return f"{what}, up to {rows} rows of a person"


def factor(neighbors: str, who: str, most: str) -> str:
    """How much one person changes a result."""
    change = _CHANGES[neighbors].format(person=who)
    return f"{change} multiplies or divides the chance of any result by at most {most}."


def strong(factor: str, hidden: str) -> str:
    return f"{factor} Nobody can tell from the result {hidden}."


def usual(factor: str, hidden: str) -> str:
    return f"{factor} The result says little about {hidden}."


def weak(factor: str, hidden: str) -> str:
    return f"{factor} This protection is weak: the result may show {hidden}."
