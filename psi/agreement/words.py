"""What people read of terms that cannot be had; `disagreement` has what they read where two sides' terms differ."""

from __future__ import annotations

from psiselect.base.errors import InputError, RemoteError, UsageError

# Keys, noise and minimum.


def number_of_keys(count: int, most: int) -> UsageError:
    return UsageError(f"{count} keys; expected 1 to {most}", term="keys")


def sum_of_several_keys() -> UsageError:
    return UsageError(
        "sum with several keys is one-to-one: one-to-many a row could match several times, and its value would be in "
        "the total as often; choose --matching one-to-one",
        term="matching",
    )


def minimum(given: int) -> UsageError:
    return UsageError(f"a minimum of matches is 1 or more, not {given}", term="min_matches")


def padding(given: int) -> UsageError:
    return UsageError(f"lists are padded to 1 item or more, not {given}", term="pad_to")


def longer_than_padding(size: int, most: int) -> InputError:
    return InputError(
        f"the list has {size:,} distinct keys, more than the {most:,} that lists are padded to; agree on a higher "
        "--pad-to",
        term="pad_to",
    )


def noise_of_another_mode(mode: str) -> UsageError:
    return UsageError(f"epsilon and delta are for noisy-count, not for {mode}", term="epsilon")


def no_noise() -> UsageError:
    return UsageError("noisy-count needs epsilon and delta, such as 1 and 1e-6", term="epsilon")


def noise_for_both() -> UsageError:
    return UsageError(
        "noisy-count is for one learner: each side knows the noise of the number that it gives away, so whoever saw "
        "both numbers would have the exact count; choose who learns, and let it keep its number to itself",
        term="learn",
    )


def noise_of_several_keys() -> UsageError:
    return UsageError(
        "noisy-count is for one key: under several, one row changes several counts, and what they show of each other "
        "has no noise; choose the key that finds most, or count without noise",
        term="keys",
    )


NO_MINIMUM = "there is no minimum to compare with; give one with --min-matches"
BOTH_LEARN = "both sides learn, so there is no side that does not; let one side learn"
EXACT_COUNT = "the other side would learn the exact count, which the noise is to hide; let the learner compare"


def not_compared(reason: str) -> UsageError:
    return UsageError(f"the side that does not learn cannot compare: {reason}", term="min_matches_by")


# The fast protocol.

FAST_COUNTS_NOTHING = "a side that does not get the result cannot count matches with it"
FAST_PADS_NOTHING = "padding is not built for it"
FAST_LINKS_NOTHING = "each key has a run of its own, so the tags of a row do not travel together"


def fast_shows_more(mode: str) -> str:
    return f"its receiver sees which items match, which {mode} is to hide"


def not_fast(reason: str, instead: str, term: str) -> UsageError:
    return UsageError(
        f"the fast protocol cannot run this session: {reason}. Use --protocol ecdh{instead}, on both sides", term=term
    )


def or_use(option: str) -> str:
    return f" or {option}"


def or_leave_out(option: str) -> str:
    return f", or leave out --{option}"


# Columns that travel.


def label_bytes_of_nothing() -> UsageError:
    return UsageError(
        "--label-bytes is for columns that travel with a match; name some with --send or --receive",
        term="label_bytes",
    )


def label_bytes(least: int, most: int, given: int | None) -> UsageError:
    return UsageError(f"columns travel in {least} to {most:,} bytes, not {given}", term="label_bytes")


def columns_of_another_mode(mode: str) -> UsageError:
    return UsageError(
        f"columns travel with matches; {mode} does not show which rows match, so there is nothing to join",
        term="columns",
    )


def columns_of_several_keys() -> UsageError:
    return UsageError(
        "with several keys, columns travel with one-to-one matches only: a pair of rows that several keys find would "
        "be in the joined table as many times; choose --matching one-to-one, or one key",
        term="columns",
    )


def columns_for_nobody() -> UsageError:
    return UsageError(
        "only a side that learns the matches can receive columns: with --learn me there is --receive, with --learn "
        "peer there is --send, with --learn both there may be both",
        term="columns",
    )


def column_twice() -> UsageError:
    return UsageError("a column to send or to receive is named twice; name each once", term="columns")


def column_name() -> UsageError:
    return UsageError("a column to send or to receive has a name that is empty or cannot be printed", term="columns")


def too_many_columns(most: int, most_bytes: int) -> UsageError:
    return UsageError(
        f"a side gives at most {most} columns, with names of {most_bytes:,} bytes together", term="columns"
    )


NOT_LISTS = "the columns are not a list of names for each side"
NO_NAMES = "the columns have no names"
NOT_IN_ORDER = "the columns are not in order"


def in_columns(reason: str) -> RemoteError:
    """Columns that somebody else wrote."""
    return RemoteError(reason, term="columns")


# Values that add up.


def largest_value() -> UsageError:
    return UsageError("the largest value is a positive decimal such as 1000000 or 1e9", term="value_max")


def largest_value_written(canonical: str) -> UsageError:
    return UsageError(f"the largest value is written {canonical}", term="value_max")


def largest_value_places(largest: str, decimals: int) -> UsageError:
    return UsageError(
        f"the largest value {largest} has more than the agreed {decimals} decimal places", term="value_max"
    )


def largest_value_range(decimals: int, most: str) -> UsageError:
    return UsageError(
        f"the largest value is above 0 and, with {decimals} decimal places, at most {most}", term="value_max"
    )


def decimal_places(most: int, given: int) -> UsageError:
    return UsageError(f"values have 0 to {most} decimal places, not {given}", term="value_decimals")


def total_too_large(rows: int, largest: str, most: str | None, decimals: int) -> UsageError:
    return UsageError(
        f"{rows:,} values of up to {largest} could add up to more than 64 bits hold; agree on a --value-max of "
        f"{most or 'less'} at most, or on fewer --value-decimals than {decimals}",
        term="value_max",
    )


def values_of_another_mode(mode: str) -> UsageError:
    return UsageError(f"values are added up in sum, not in {mode}", term="value_decimals")


def no_amounts() -> UsageError:
    return UsageError("sum needs decimal places and a largest value, such as 2 and 1000000", term="value_decimals")
