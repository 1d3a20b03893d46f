"""What programmers read from this room: every error about the arguments of a function."""

from __future__ import annotations

from collections.abc import Iterable

from psiselect.base.errors import UsageError

# What to write for an argument that is missing.
_NEEDED = {
    "epsilon": 'say how strong the protection is: "0.1" is very strong, 1 usual, 5 weak',
    "neighbors": 'say what one person can change: "add-remove", whether they are there, or "replace", what they say',
    "lower": "name the least value that counts, from what is publicly known",
    "upper": "name the largest value that counts, from what is publicly known",
    "sensitivity": "say by how much one person's data can change any one score",
    "party": "say who this is, as named in the parties file",
    "parties": "name the file of all parties, parties.toml",
    "identity": 'name this party\'s own identity: psiselect.Identity.load("keys/NAME"), or its path',
}
TEXT = "text"
A_FLAG = "True or False"
A_PATH = "a path"
A_TIME = "a number of seconds above 0"
AN_EVENT = "a threading.Event"
A_TASK = "a mapping of fields or a file"


def missing(call: str, name: str) -> UsageError:
    return UsageError(f"{call}() needs {name}=: {_NEEDED.get(name, f'see help(psiselect.{call})')}", term=name)


def unknown(call: str, name: str, near: str | None, names: Iterable[str]) -> UsageError:
    hint = f"did you mean {near}=?" if near else f"it takes {', '.join(sorted(names))}"
    return UsageError(f"{call}() has no option {name}=; {hint}", term=name)


def wrong_call(call: str, error: TypeError) -> UsageError:
    return UsageError(f"{call}(): {error}; see help(psiselect.{call})")


def wrong(name: str, expected: str, value: object) -> UsageError:
    """A value of the wrong kind. It names the type, never the value, which may be private."""
    return UsageError(f"{name}: expected {expected}, got {type(value).__name__}", term=name)


def not_one_of(name: str, known: str, value: object) -> UsageError:
    return UsageError(f"{name}: expected one of {known}, got {value!r:.60}", term=name)


def not_whole(name: str, least: int, value: object) -> UsageError:
    return UsageError(f"{name}: expected a whole number of {least} or more, got {value!r:.40}", term=name)


def not_texts(name: str) -> UsageError:
    return UsageError(f'{name}: expected a list of texts, such as ["a", "b"]', term=name)


def not_of_two_numbers(name: str) -> UsageError:
    return UsageError(
        f"{name}: expected a function of two numbers: how much is done, and how much there is in all", term=name
    )


def not_an_escape() -> UsageError:
    return UsageError("csv_escape: expected 'none' or 'backslash'", term="csv_escape")


def not_exact(name: str, shortest: str | None) -> UsageError:
    """shortest: the float's shortest text, if it is a number above 0."""
    instead = f'write {name}="{shortest}"' if shortest else f'write the number as text, such as {name}="0.1"'
    return UsageError(f"{name}: a float is only close to the number that you mean; {instead}", term=name)


def as_usage(error: Exception, name: str) -> UsageError:
    """The same error, about this argument."""
    return UsageError(str(error), term=name)


def not_a_path_as_text(name: str) -> UsageError:
    return UsageError(f"{name}: expected a path as text, got bytes", term="table")


def query_of_memory() -> UsageError:
    return UsageError("query= needs a database, such as sqlite:///FILE; a table in memory is read whole", term="query")


def not_a_file(name: str) -> UsageError:
    return UsageError(
        f"{name} is already in memory, so no file is read; leave out the arguments about reading a file", term="table"
    )


def in_memory(name: str) -> UsageError:
    return UsageError(f"{name} is in the program's memory and not in a file", term="table")


# Sums that nobody discloses.


def epsilon_needs_neighbors() -> UsageError:
    return UsageError(
        'epsilon= also needs neighbors=, which says what stays hidden about one party, such as neighbors="replace"'
    )


def column_needs_values() -> UsageError:
    return UsageError(
        "column= and the arguments about a file belong to values=; add values=, or leave them out", term="values"
    )


def one_of_value_and_values(*, both: bool) -> UsageError:
    return UsageError("give value= or values=, not both" if both else "give value= or values=", term="value")


def server_has_no_value(party: str) -> UsageError:
    return UsageError(f"{party} is a server and brings no value; leave out value= and values=", term="value")


# Polls, elections and released numbers.

OF_RESPONSES = "the table of responses"
OF_BALLOTS = "the table of ballots"
OF_SCORES = "the table of scores"
OF_GROUPS = "the table of groups"
OF_VALUES = "the table of values"


def not_a_confidence() -> UsageError:
    return UsageError("confidence: expected a number between 0 and 1, such as 0.95", term="confidence")


def not_a_format(known: Iterable[str]) -> UsageError:
    return UsageError(f"format: expected one of {', '.join(known)}", term="form")


def line_break_in_a_name() -> UsageError:
    return UsageError("candidates: expected names without line breaks", term="candidates")


def not_a_noise() -> UsageError:
    return UsageError("noise: expected 'laplace' or 'gaussian'", term="noise")


def names_of_which_column() -> UsageError:
    return UsageError("groups: with two columns, give the names of each: {column: [names], ...}", term="groups")


def names_of_other_columns() -> UsageError:
    return UsageError("groups: expected names for each column of by=, and for no other column", term="groups")
