"""What people read about files of one format: PrefLib, Pabulib, BLT, the abcvoting library, Belenios and Helios.

The reasons why ballots are left out are names in JSON output, so their words stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dpselect.ballots.words import fault
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
    return fault(line, f"{key} appears twice; remove one")


def numbered_key(line: int, key: str) -> InputError:
    return fault(line, f"expected a number after {key} that no other line has")


def no_alternatives(line: int, most: int) -> InputError:
    return fault(line, f"the header needs a line `# NUMBER ALTERNATIVES:` with a number from 1 to {most}")


def other_alternatives(line: int, announced: int, found: int) -> InputError:
    return fault(
        line,
        f"NUMBER ALTERNATIVES is {announced}, but the header has {found} lines ALTERNATIVE NAME; correct one of them",
    )


def gap_in_numbers(line: int) -> InputError:
    return fault(line, "expected alternatives that are numbered from 0 or from 1, without gaps")


def no_categories(line: int) -> InputError:
    return fault(line, "NUMBER CATEGORIES is 0, so no category can mean approval; the file needs 1 or more categories")


def only_categories(form: str) -> UsageError:
    return UsageError(f"--approve-category is for PrefLib's .cat files; in .{form} files the first class is approval")


def unknown_category(category: str, names: Sequence[str], total: int) -> UsageError:
    """names: of the categories that have one. total: how many categories there are."""
    known = ", ".join(map(repr, names)) or f"1 to {total}"
    return UsageError(f"--approve-category: there is no category {category!r}; the file has {known}")


# Pabulib.


def no_meta(line: int) -> InputError:
    return fault(line, "expected the section META first")


def section_too_early(line: int, expected: str, found: str) -> InputError:
    return fault(line, f"expected the section {expected} before {found}")


def no_section(line: int, section: str) -> InputError:
    return fault(line, f"the section {section} is missing; the file may be cut short")


def meta_twice(line: int, key: str) -> InputError:
    return fault(line, f"META has {key!r} twice; remove one")


def no_approvals(line: int) -> InputError:
    return fault(
        line, "META needs `vote_type;approval` or `vote_type;choose-1`; votes of other kinds are not approvals"
    )


def no_header(line: int, section: str) -> InputError:
    return fault(line, f"{section} needs a header row in which no column appears twice")


def no_projects(line: int) -> InputError:
    return fault(line, "PROJECTS needs a column named project_id")


def other_width(line: int, found: int, expected: int) -> InputError:
    return fault(line, f"expected {expected} columns, as in the header of PROJECTS, and found {found}")


def no_votes(line: int) -> InputError:
    return fault(line, "VOTES needs a column named vote")


def weights(line: int, column: str) -> InputError:
    return fault(
        line,
        f"VOTES has the column {column!r}: the votes have weights, and the program counts each vote once; leave "
        "out the column",
    )


# BLT.

ALL_LISTED = "approved: every candidate that a ballot lists, whatever the rank"


def no_sizes() -> InputError:
    return fault(1, "expected the numbers of candidates and seats, such as `4 1`")


def candidates_range(most: int) -> InputError:
    return fault(1, f"expected 1 to {most} candidates")


def no_names(line: int, count: int) -> InputError:
    return fault(
        line, f"expected a line `0` after the ballots. After it, {count} names and a title are expected, one per line"
    )


# The abcvoting library's YAML.


def yaml_keys(line: int) -> InputError:
    return fault(
        line, "expected only the names num_cand, profile, committeesize, compute and description, each at most once"
    )


def voter_weights(line: int) -> InputError:
    return fault(
        line, "voter_weights: the votes have weights, and the program counts each vote once; leave out this line"
    )


def keys_missing(line: int) -> InputError:
    return fault(
        line,
        "a file of the abcvoting library needs the lines `num_cand: ...` and `profile: ...`, and at least "
        "one is missing",
    )


def num_cand(line: int, most: int) -> InputError:
    return fault(line, f"num_cand: expected a number from 1 to {most}")


def control_character(line: int) -> InputError:
    return fault(line, "found an invisible control character, which YAML does not allow; delete it")


def aliases(line: int) -> InputError:
    return fault(line, "found an anchor or alias of YAML (& or *); write its value out instead")


def too_deep(line: int, most: int) -> InputError:
    return fault(line, f"found values nested more than {most} levels deep; expected a plain list of ballots")


def not_yaml(line: int, problem: object) -> InputError:
    return fault(line, f"not well-formed YAML: {problem}")


def no_key_lines(line: int) -> InputError:
    return fault(
        line,
        "this is not a file of the abcvoting library: it needs the lines `num_cand: ...` and `profile: "
        "...`; check the file, or name its kind with --format",
    )


def no_yaml_key(line: int) -> InputError:
    return fault(line, "expected a name before the colon, such as num_cand")


def several_documents(line: int) -> InputError:
    return fault(line, "expected one YAML document in the file, but a second one begins here; remove it")


def no_single_value(line: int, key: str) -> InputError:
    return fault(line, f"{key}: expected one value")


def no_list_of_sets(line: int) -> InputError:
    return fault(line, "profile: expected a list of approval sets")


def no_approval_set(line: int) -> InputError:
    return fault(line, "profile: expected an approval set such as [0, 2]")


def no_number_in_set(line: int) -> InputError:
    return fault(line, "profile: expected candidates' numbers in an approval set, such as [0, 2]")


# Belenios and Helios.

OWN_ORDER = "candidates: in the order of your list"


def totals() -> InputError:
    return fault(
        1,
        "this result holds totals only, no ballots. Write a table with a column candidate and a column approvals, then "
        "run psiselect select TOTALS.csv --label candidate --score approvals --sensitivity 1 --monotonic --epsilon E. "
        "With --monotonic, epsilon is for adding or removing one voter. If the number of voters is public, leave "
        "--monotonic out",
    )


def not_json(line: int) -> InputError:
    return fault(line, "the file is not well-formed JSON; save the result again as it was published")


def no_result() -> InputError:
    return fault(1, 'expected a result of Belenios, which begins with {"result": [...]}')


def several_questions(count: int) -> InputError:
    return fault(1, f"expected one question, but the result has {count}; keep one of them in the file")


def names_missing() -> InputError:
    return fault(
        1,
        "a result of Belenios does not hold the candidates' names. List them with --candidates FILE, one per line, "
        "in the order of the election's page",
    )
