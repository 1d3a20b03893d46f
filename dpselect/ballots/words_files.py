"""What people read about files of one format: PrefLib, Pabulib, BLT, the abcvoting library, Belenios and Helios.

The reasons why ballots are left out are names in JSON output, so their words stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dpselect.ballots.words import fault
from dpselect.words import counted
from psiselect.base.errors import InputError, UsageError

# Reasons why ballots of files with numbers are left out.

UNKNOWN_NUMBER = "the ballot holds a number that no candidate has"
UNKNOWN_ALTERNATIVE = "the ballot holds a number that no ALTERNATIVE NAME has"
NO_ORDER = "expected `count: groups`, with a count of 1 or more, such as `3: {1,4},2`"
NO_GROUPS = "expected groups such as `{1,4},2`, separated by commas"
NO_BALLOT = "expected `weight candidates 0`, with whole numbers, such as `3 1 2 0`"
WITHDRAWN = "lines of withdrawn candidates, such as `-2`, are not read; leave these candidates out of the file"
LINE_TOO_LONG = "the line is too long"
NOT_EACH_CANDIDATE = "the ballot does not have a number for every candidate"
NOT_ZERO_OR_ONE = "an entry of the ballot is neither 0 nor 1"


def count_range(most: int) -> str:
    return f"expected a count of 1 or more and at most {most}"


def weight_range(most: int) -> str:
    return f"expected a weight of 1 or more and at most {most}"


def too_many_categories(categories: int) -> str:
    return f"the ballot has more categories than the {categories} that the file's header names"


# PrefLib.

FIRST_CLASS = "approved: the candidates that each ballot ranks first"
FIRST_CATEGORY = "approved: the first category of each ballot"


def places_approved(places: Iterable[int]) -> str:
    """places: of the categories, from 1."""
    return f"approved: category {' and '.join(map(str, places))} of each ballot"


def categories_approved(yes: Sequence[str], no: Sequence[str]) -> str:
    others = f"; not approved: {', '.join(map(repr, no))}" if no else ""
    return f"approved: category {', '.join(map(repr, yes))}{others}"


def header_twice(line: int, key: str) -> InputError:
    return fault(line, f"the line {key} appears twice. Remove one of the two lines")


def numbered_key(line: int, key: str) -> InputError:
    return fault(line, f"after {key} there must be a number, and each line must have a different number")


def no_alternatives(line: int, most: int) -> InputError:
    return fault(line, f"the header needs a line `# NUMBER ALTERNATIVES:` with a number from 1 to {most}")


def other_alternatives(line: int, announced: int, found: int) -> InputError:
    return fault(
        line,
        f"NUMBER ALTERNATIVES is {announced}, but {counted(found, 'line')} in the header "
        f"{'begins' if found == 1 else 'begin'} with `# ALTERNATIVE NAME`. Correct the number or the lines",
    )


def gap_in_numbers(line: int) -> InputError:
    return fault(line, "the alternatives must be numbered from 0 or from 1, without gaps")


def no_categories(line: int) -> InputError:
    return fault(line, "NUMBER CATEGORIES is 0, but the file needs at least one category, which means approval")


def only_categories(form: str) -> UsageError:
    return UsageError(
        f"--approve-category works only with .cat files of PrefLib. In .{form} files, the candidates that a ballot "
        "ranks first count as approved. Leave out --approve-category"
    )


def unknown_category(category: str, names: Sequence[str], total: int) -> UsageError:
    """names: of the categories that have one. total: how many categories there are."""
    known = ", ".join(map(repr, names)) or ("1 and 2" if total == 2 else f"1 to {total}")
    its = "Its only category is 1" if total == 1 and not names else f"Its categories are {known}"
    return UsageError(f"the file has no category {category!r}, which you gave with --approve-category. {its}")


# Pabulib.


def no_meta(line: int) -> InputError:
    return fault(line, "the section META must be the first section of the file")


def section_too_early(line: int, expected: str, found: str) -> InputError:
    return fault(line, f"the section {expected} must come before the section {found}")


def no_section(line: int, section: str) -> InputError:
    return fault(line, f"the section {section} is missing. Perhaps the file is incomplete")


def meta_twice(line: int, key: str) -> InputError:
    return fault(line, f"the section META has {key!r} twice. Remove one of the two lines")


def no_approvals(line: int) -> InputError:
    return fault(
        line,
        "the section META needs the line `vote_type;approval` or `vote_type;choose-1`. The program cannot count votes "
        "of other types",
    )


def no_header(line: int, section: str) -> InputError:
    return fault(line, f"the section {section} needs a header row, and each column must have a different name")


def no_projects(line: int) -> InputError:
    return fault(line, "the section PROJECTS needs a column named 'project_id'")


def other_width(line: int, found: int, expected: int) -> InputError:
    return fault(line, f"this row has {counted(found, 'column')}, but the header of PROJECTS has {expected}")


def no_votes(line: int) -> InputError:
    return fault(line, "the section VOTES needs a column named 'vote'")


def weights(line: int, column: str) -> InputError:
    return fault(
        line,
        f"the section VOTES has the column {column!r}, which gives the votes different weights. The program counts "
        "each vote once. If this is what you want, remove the column",
    )


# BLT.

ALL_LISTED = "approved: every candidate that a ballot lists, whatever the rank"


def no_sizes() -> InputError:
    return fault(1, "the file must begin with the number of candidates and the number of seats, such as `4 1`")


def candidates_range(most: int) -> InputError:
    return fault(1, f"the file must have 1 to {most:,} candidates")


def no_names(line: int, count: int) -> InputError:
    return fault(
        line,
        f"after the ballots, there must be a line `0`. After it come {counted(count, 'name')} and a title, one per "
        "line",
    )


# The abcvoting library's YAML.


def yaml_keys(line: int) -> InputError:
    return fault(
        line,
        "the file may have only the names 'num_cand', 'profile', 'committeesize', 'compute' and 'description', each at "
        "most once",
    )


def voter_weights(line: int) -> InputError:
    return fault(
        line,
        "'voter_weights' gives the votes different weights. The program counts each vote once. If this is what you "
        "want, remove this line",
    )


def keys_missing(line: int) -> InputError:
    return fault(
        line,
        "a file of the abcvoting library needs the lines `num_cand: ...` and `profile: ...`, and at least one is "
        "missing",
    )


def num_cand(line: int, most: int) -> InputError:
    return fault(line, f"'num_cand' must be a number from 1 to {most:,}")


def control_character(line: int) -> InputError:
    return fault(line, "there is an invisible control character, which YAML does not allow. Delete it")


def aliases(line: int) -> InputError:
    return fault(
        line,
        "there is an anchor or alias of YAML (& or *), which the program does not read. Write the value itself instead",
    )


def too_deep(line: int, most: int) -> InputError:
    return fault(
        line,
        f"lists or values are nested more than {most} levels deep. Write the ballots as a plain list, such as [[0, 2], "
        "[1]]",
    )


def not_yaml(line: int, problem: object) -> InputError:
    return fault(
        line,
        "this line, or a line before it, is not valid YAML. Check the brackets, quotation marks, colons and spaces "
        f"(technical detail: {problem})",
    )


def no_key_lines(line: int) -> InputError:
    return fault(
        line,
        "this is not a file of the abcvoting library: it needs the lines `num_cand: ...` and `profile: ...`. Check "
        "the file, or name its kind with --format",
    )


def no_yaml_key(line: int) -> InputError:
    return fault(line, "there must be a name before the colon, such as `num_cand: 4`")


def several_documents(line: int) -> InputError:
    return fault(line, "a second YAML document begins here, and the file may have only one. Remove the second one")


def no_single_value(line: int, key: str) -> InputError:
    return fault(line, f"{key!r} must have one value")


def no_list_of_sets(line: int) -> InputError:
    return fault(line, "'profile' must be a list of ballots, such as [[0, 2], [1]]")


def no_approval_set(line: int) -> InputError:
    return fault(line, "each ballot in 'profile' must be a list of numbers, such as [0, 2]")


def no_number_in_set(line: int) -> InputError:
    return fault(line, "each ballot in 'profile' must hold the numbers of candidates, as in [0, 2]")


# Belenios and Helios.

OWN_ORDER = "candidates: in the order of your list"


def totals() -> InputError:
    return fault(
        1,
        "this result holds totals only, no ballots. Write a table with the columns 'candidate' and 'approvals', then "
        "run `psiselect select TOTALS.csv --label candidate --score approvals --sensitivity 1 --monotonic --epsilon "
        "E`. With --monotonic, epsilon is for adding or removing one voter. If the number of voters is public, leave "
        "--monotonic out",
    )


def not_json(line: int) -> InputError:
    return fault(line, "the file is not valid JSON. Download or save the result again, without changing it")


def no_result() -> InputError:
    return fault(1, 'a result of Belenios must begin with {"result": [...]}')


def several_questions(count: int) -> InputError:
    return fault(1, f"the result has {count} questions, but the program reads only one. Keep one of them in the file")


def names_missing() -> InputError:
    return fault(
        1,
        "a result of Belenios does not hold the candidates' names. List them with --candidates FILE, one per line, "
        "in the order of the election's page",
    )
