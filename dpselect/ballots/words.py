"""What people read from this room: errors and notes about ballots and candidates. words_files has those of one format.

Rule: no sentence shows a ballot or a cell, unless the caller passes it, since the tallier has asked to see it.
The reasons why ballots are left out are names in JSON output, so their words stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dpselect.words import counted
from psiselect.base.errors import InputError, UsageError
from psiselect.base.splitting import MAX_ROW
from psiselect.base.words import NOT_UTF8, not_closed

_MOST_LISTED = 20
NEEDS_CANDIDATES = "Give the public list of candidates: --candidates FILE, one name per line"


def fault(line: int, problem: str) -> InputError:
    """What is wrong in a line. The reader of the file or table adds the name of the file."""
    return InputError(problem, line=line)


def at_line(name: str, line: int, problem: object) -> InputError:
    return InputError(f"{name}, line {line}: {problem}", line=line)


def listed(names: Sequence[str]) -> str:
    """Names for a message: at most 20, and how many more there are."""
    more = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return ", ".join(names[:_MOST_LISTED]) + more


# The file as a whole.


def too_large(most: int) -> InputError:
    return fault(1, f"the file is larger than {most >> 20} MiB, and the program reads no larger file")


def not_utf8(line: int) -> InputError:
    return fault(line, "the text is not UTF-8. Save the file as UTF-8 text")


def unknown_data_type(name: str) -> InputError:
    return at_line(
        name,
        1,
        "the DATA TYPE of a PrefLib file must be cat, toc or toi. If the line DATA TYPE is missing, give the type "
        "with --format, such as --format toc",
    )


def unknown_format(form: str, known: Iterable[str]) -> UsageError:
    return UsageError(f"there is no format {form!r}. Use one of these formats: {', '.join(known)}")


def not_for_format(option: str, form: str) -> UsageError:
    return UsageError(f"{option} cannot be used with files of the format '{form}'. Leave out {option}")


# Candidates.


def candidate_name(line: int, most: int) -> InputError:
    return fault(line, f"a candidate's name must have 1 to {most} printable characters")


def listed_twice(line: int, name: str, first: int) -> InputError:
    return fault(line, f"the candidate {name!r} is already listed in line {first}. Remove one of the two")


def too_many_candidates(line: int, most: int) -> InputError:
    return fault(line, f"there are more than {most:,} candidates. The program takes at most {most:,}")


def no_candidates(line: int) -> InputError:
    return fault(line, "there are no candidates. Name at least one candidate")


def only_in_list(line: int, name: str) -> InputError:
    return fault(
        line, f"your list of candidates has {name!r}, but the file of ballots does not. Correct the list or the file"
    )


def only_in_file(line: int, name: str) -> InputError:
    return fault(
        line,
        f"the file of ballots has the candidate {name!r}, but your list of candidates does not. Correct the list or "
        "the file",
    )


def several_readings(one: Sequence[str], other: Sequence[str]) -> InputError:
    """one, other: the candidates that the same cell may name."""
    first, second = (" and ".join(map(repr, names)) or "nobody" for names in (one, other))
    return InputError(
        "the names of some candidates contain the separator, so a cell of the file could have two meanings: either "
        f"{first}, or {second}. In the file, separate the candidates with a character that is in no name, such as "
        "';'. Then give this character with --separator. Or give each candidate a column"
    )


# Why ballots are left out.

STRANGER = "a name is not a candidate"
TWICE = "the ballot names a candidate twice"
EMPTY_LINE = 'a blank line; remove it, or write "" for an empty ballot'
BLANK_LINE = "a blank line among the ballots"
WRONG_NUMBER = "the ballot approves too few or too many candidates"
NO_MARK = "a cell is neither yes nor no"
NO_ID = "the voter's id is blank"
SEVERAL_BALLOTS = "a voter has several ballots"
ANOTHER_COUNTS = "the voter has another ballot, which counts"

# The first of these ballots, for the tallier.

NOT_CLOSED = not_closed(MAX_ROW >> 20)
HINTS = {
    NOT_CLOSED: f"{NOT_CLOSED}. If cells hold line breaks, use --line-breaks",
    NOT_UTF8: f"{NOT_UTF8}. If the file has another encoding, name it with --encoding, such as --encoding cp1252",
}


def not_a_candidate(place: int) -> str:
    """place: of the name on the ballot, from 1."""
    return f"name {place} on the ballot is not a candidate"


def not_a_candidate_in(place: int, cell: str) -> str:
    return f"{not_a_candidate(place)}, in the cell {cell!r}"


def not_a_candidate_found(place: int, found: str) -> str:
    return f"{not_a_candidate(place)}, found {found!r}"


def other_separator(problem: str, separator: str) -> str:
    return f"{problem}. If {separator!r} stands between the names, use --separator"


def wrong_number(found: int, least: int, most: int | None) -> str:
    limit = "" if most is None else f" and at most {most}"
    return f"the ballot approves {counted(found, 'candidate')}, and must approve at least {least}{limit}"


def several_ballots(place: str) -> str:
    """place: of the voter's other ballot, such as "line 3"."""
    return f"the same voter has another ballot on {place}. Choose which one counts: --repeated-voter last or first"


def no_mark(candidate: str, found: str | None, *, alone: bool) -> str:
    """found: the cell, if it may be shown. alone: whether there is one column, which may hold lists of candidates."""
    shown = "" if found is None else f", not {found!r}"
    lists = " If the cells list candidates, name this column with --ballot-column." if alone else ""
    return (
        f"the cell in the column {candidate!r} must say yes or no, such as 1 or 0{shown}.{lists} If the cells use "
        "other words, give these words with --yes and --no"
    )


def invalid_ballots(count: int, total: int, unit: str, line: int, detail: str) -> str:
    """unit: what lines are called. detail: what is wrong with the first of these ballots."""
    if count == 1:
        return f"1 of {total} ballots is invalid, on {unit} {line}: {detail}."
    return f"{count} of {total} ballots are invalid. The first is on {unit} {line}: {detail}."


def more_problems(count: int) -> str:
    return f" The file has {count} more {'problem' if count == 1 else 'problems'} of other kinds."


# Numbers in a file.


def no_whole_number(line: int, what: str) -> InputError:
    return fault(line, f"{what} must be a whole number of at most 15 digits")


def other_total(what: str, stated: int, read: int) -> str:
    return f"the header says that there are {stated} {what}, but the file holds {read}"


# Columns of a table.


def unused_columns(names: Sequence[str]) -> str:
    return f"columns that are not used: {listed([repr(name) for name in names])}"


def yes_and_no(text: str) -> UsageError:
    return UsageError(f"{text!r} was given with both --yes and --no. Give this text with only one of the two")


def error_while_dropping() -> UsageError:
    return UsageError(
        "--repeated-voter error cannot be used with --on-invalid drop, because the error would give away something "
        "about the ballots. Use --repeated-voter last or first"
    )


def no_voter_column() -> UsageError:
    return UsageError("--repeated-voter needs the column that names the voter of each ballot. Add --voter-column NAME")


def same_column() -> UsageError:
    return UsageError("--ballot-column and --voter-column name the same column. Name two different columns")


def no_list(line: int) -> InputError:
    return fault(line, f"the ballots in this file hold names of candidates. {NEEDS_CANDIDATES}")


def lists_and_numbered(line: int, approved: str) -> InputError:
    return fault(
        line,
        f"there are columns named '{approved}' and '{approved}_1'. Name the column with the ballots: --ballot-column "
        "NAME",
    )


def column_twice(line: int, option: str, name: str) -> InputError:
    return fault(
        line,
        f"{option} names the column {name!r}, but the table has two columns with this name. Give each column a "
        "different name",
    )


def no_column(line: int, option: str, name: str, columns: Sequence[str]) -> InputError:
    return fault(
        line, f"the table has no column {name!r}, which you gave with {option}. Its columns are {_quoted(columns)}"
    )


def two_columns(line: int, candidate: str) -> InputError:
    return fault(line, f"the candidate {candidate!r} has two columns. Remove one of them")


def other_header(line: int, expected: str, found: str | None) -> InputError:
    """expected: a candidate without a column. found: a column that is no candidate's."""
    instead = "" if found is None else f", but there is {found!r}"
    return fault(
        line,
        f"the column headers are not your candidates: there is no column {expected!r}{instead}. Correct the header or "
        "the list of candidates. If the file has no header line, add one, such as `approved`",
    )


def looks_like_a_ballot(line: int) -> InputError:
    return fault(
        line,
        "the first line looks like a ballot. Add a header line with the candidates' names. If this line holds the "
        "names of the candidates, confirm them with --candidates FILE",
    )


def column_of_a_form(line: int, name: str) -> InputError:
    return fault(
        line,
        f"the column {name!r} is probably not a candidate: programs for forms add such a column. {NEEDS_CANDIDATES}",
    )


def no_ballot_column(approved: str, expected: str, found: Sequence[str]) -> str:
    """approved: the name that such a column has. expected: one of the candidates. found: the columns."""
    return (
        "it is not clear which column holds the ballots. Name the column whose cells list candidates: "
        "--ballot-column NAME. If the candidates stand in a second line of the header, use --header-lines 2 instead. "
        f"The columns are {_quoted(found)}: none is named {approved!r} or has the name of a candidate, such as "
        f"{expected!r}"
    )


def _quoted(names: Sequence[str]) -> str:
    return listed([repr(name) for name in names])
