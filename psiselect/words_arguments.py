"""What programmers read from this room: every error about the arguments of a function."""

from __future__ import annotations

from collections.abc import Iterable

from psiselect.base.errors import UsageError

# What to write for an argument that is missing.
_NEEDED = {
    "epsilon": 'Say how strong the protection is: "0.1" is very strong, 1 is usual, 5 is weak',
    "neighbors": 'Say what must stay hidden about a person: "add-remove" (whether the person is in the data), '
    'or "replace" (only what the data say about the person)',
    "lower": "Give the lowest value that is possible. Choose it from what is publicly known, not from the data",
    "upper": "Give the highest value that is possible. Choose it from what is publicly known, not from the data",
    "sensitivity": "Say by how much one person's data can change any one score",
    "party": "Name this party, as the parties file names it",
    "parties": "Name the file of all parties, such as parties.toml",
    "identity": 'Name this party\'s own identity: psiselect.Identity.load("keys/NAME"), or its path',
}
TEXT = "a string"
A_FLAG = "True or False"
A_PATH = "a path"
A_TIME = "a number of seconds"
AN_EVENT = "a threading.Event"
A_TASK = "a mapping of fields or a file"


def named(name: str) -> str:
    """An argument as a caller writes it: threads=. Any other name, such as that of a setting in a file, as it is."""
    return f"{name}=" if name.isidentifier() else name


def missing(call: str, name: str) -> UsageError:
    return UsageError(
        f"{call}() needs the argument {name}=. {_NEEDED.get(name, f'See help(psiselect.{call})')}", term=name
    )


def unknown(call: str, name: str, near: str | None, names: Iterable[str]) -> UsageError:
    hint = f"Did you mean {near}=?" if near else f"Its arguments are {', '.join(sorted(names))}"
    return UsageError(f"{call}() has no argument {name}=. {hint}", term=name)


def wrong_call(call: str, error: TypeError) -> UsageError:
    return UsageError(f"{call}(): {error}. See help(psiselect.{call})")


def wrong(name: str, expected: str, value: object) -> UsageError:
    """A value of the wrong kind. It names the type, never the value, which may be private."""
    return UsageError(f"{named(name)} must be {expected}, not {type(value).__name__}", term=name)


def not_one_of(name: str, known: str, value: object) -> UsageError:
    return UsageError(f"{named(name)} must be one of {known}, not {value!r:.60}", term=name)


def not_whole(name: str, least: int, value: object) -> UsageError:
    return UsageError(f"{named(name)} must be a whole number of {least} or more, not {value!r:.40}", term=name)


def not_a_time(name: str, most: int, value: float) -> UsageError:
    return UsageError(
        f"{named(name)} must be a number of seconds above 0 and up to {most:,}, not {value!r:.40}", term=name
    )


def not_texts(name: str) -> UsageError:
    return UsageError(f'{named(name)} must be a list of strings, such as ["a", "b"]', term=name)


def not_of_two_numbers(name: str) -> UsageError:
    return UsageError(
        f"{named(name)} must be a function that takes two numbers: how much is done, and how much there is in total",
        term=name,
    )


def not_an_escape() -> UsageError:
    return UsageError("csv_escape= must be 'none' or 'backslash'", term="csv_escape")


def not_exact(name: str, shortest: str | None) -> UsageError:
    """shortest: the float's shortest text, if it is a number above 0."""
    instead = f'Write {name}="{shortest}"' if shortest else f'Write the number as a string, such as {name}="0.1"'
    return UsageError(
        f"{named(name)} must be exact, and a float is only close to the number that you mean. {instead}", term=name
    )


def as_usage(error: Exception, name: str) -> UsageError:
    """The same error, about this argument."""
    return UsageError(str(error), term=name)


def not_a_path_as_text(name: str) -> UsageError:
    return UsageError(f"{named(name)} must be a path as a string, not bytes", term="table")


def query_of_memory() -> UsageError:
    return UsageError(
        "query= needs a database, such as sqlite:///FILE. For a table in memory, leave out query=", term="query"
    )


def not_a_file(name: str) -> UsageError:
    return UsageError(
        f"{name} is already in memory, so the program reads no file. Leave out the arguments for reading a file, such "
        "as format= or delimiter=",
        term="table",
    )


def in_memory(name: str) -> UsageError:
    return UsageError(f"{name} is in memory, but a file is needed here. Give the path of a file", term="table")


# Sums that nobody discloses.


def epsilon_needs_neighbors() -> UsageError:
    return UsageError(
        'epsilon= also needs neighbors=. Use neighbors="replace" to hide only which number a party has, or '
        'neighbors="add-remove" to also hide whether the party has a number at all'
    )


def column_needs_values() -> UsageError:
    return UsageError(
        "column= and the arguments for reading a file, such as format= or query=, work only together with values=. Add "
        "values=, or leave out these arguments",
        term="values",
    )


def one_of_value_and_values(*, both: bool) -> UsageError:
    return UsageError("give value= or values=, not both" if both else "give value= or values=", term="value")


def server_has_no_value(party: str) -> UsageError:
    return UsageError(f"{party!r} is a server and contributes no value. Leave out value= and values=", term="value")


# Polls, elections and released numbers.

OF_RESPONSES = "the table of responses"
OF_BALLOTS = "the table of ballots"
OF_SCORES = "the table of scores"
OF_GROUPS = "the table of groups"
OF_VALUES = "the table of values"


def not_a_confidence() -> UsageError:
    return UsageError("confidence= must be a number between 0 and 1, such as 0.95", term="confidence")


def not_a_format(known: Iterable[str]) -> UsageError:
    return UsageError(f"format= must be one of {', '.join(dict.fromkeys(known))}", term="form")


def line_break_in_a_name() -> UsageError:
    return UsageError("candidates= must be names without line breaks", term="candidates")


def not_a_noise() -> UsageError:
    return UsageError("noise= must be 'laplace' or 'gaussian'", term="noise")


def names_of_which_column() -> UsageError:
    return UsageError(
        "with two columns, groups= must list the groups of each column: {column: [names], ...}", term="groups"
    )


def names_of_other_columns() -> UsageError:
    return UsageError("groups= must have one entry for each column that by= names, and no other entry", term="groups")
