"""What people read of terms that cannot be had; `disagreement` has what they read where two sides' terms differ."""

from __future__ import annotations

from psiselect.base.errors import InputError, RemoteError, UsageError
from psiselect.base.words import counted

# Keys, noise and minimum.


def number_of_keys(count: int, most: int) -> UsageError:
    return UsageError(f"a session must have 1 to {most} keys, but you gave {count} (--key)", term="keys")


def sum_of_several_keys() -> UsageError:
    return UsageError(
        "--reveal sum with several keys needs --matching one-to-one. With one-to-many a row could match several "
        "times, and the program would add the row's value several times",
        term="matching",
    )


def minimum(given: int) -> UsageError:
    return UsageError(f"--min-matches must be 1 or more, but is {given:,}", term="min_matches")


def padding(most: int, given: int) -> UsageError:
    return UsageError(f"--pad-to must be from 1 to {most:,}, but is {given:,}", term="pad_to")


def longer_than_padding(size: int, most: int) -> InputError:
    return InputError(
        f"your list has {counted(size, 'distinct key', 'distinct keys')}, but --pad-to allows at most {most:,}. Agree "
        "with the peer on a higher --pad-to",
        term="pad_to",
    )


def noise_of_another_mode(mode: str) -> UsageError:
    return UsageError(
        f"--epsilon and --delta work only with --reveal noisy-count, and this session has --reveal {mode}. Leave them "
        "out",
        term="epsilon",
    )


def no_noise() -> UsageError:
    return UsageError(
        "--reveal noisy-count needs --epsilon and --delta, such as --epsilon 1 --delta 1e-6", term="epsilon"
    )


def noise_for_both() -> UsageError:
    return UsageError(
        "--reveal noisy-count cannot be used with --learn both. Each side would add the noise to the other side's "
        "number. A side that sees both numbers could subtract its own noise and find the exact count. Choose one "
        "side: --learn me or --learn peer",
        term="learn",
    )


def noise_of_several_keys() -> UsageError:
    return UsageError(
        "--reveal noisy-count works only with one --key. The noise is just enough to hide how a row changes one count. "
        "With several keys, a row can change several counts. Give only the --key that finds the most matches, "
        "or use --reveal count",
        term="keys",
    )


NO_MINIMUM = "there is no minimum. Add --min-matches, such as --min-matches 10"
BOTH_LEARN = (
    "with --learn both, both sides get the result, but 'other' is a side that does not get it. Use --min-matches-by "
    "learner"
)
EXACT_COUNT = "the other side would learn the exact count, which the noise must hide. Use --min-matches-by learner"


def not_compared(reason: str) -> UsageError:
    return UsageError(f"--min-matches-by other is not possible here: {reason}", term="min_matches_by")


# The fast protocol.

FAST_COUNTS_NOTHING = "in this protocol, the side that does not get the result cannot count the matches"
FAST_PADS_NOTHING = "this protocol cannot hide the sizes of the lists"
FAST_LINKS_NOTHING = "this protocol matches each key alone, so it cannot link the keys of a row"


def fast_shows_more(mode: str) -> str:
    return f"the side that gets the result would see which keys match, but --reveal {mode} must hide this"


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
        "--label-bytes works only if one side sends columns to the other. Name these columns with --send or --receive, "
        "or leave out --label-bytes",
        term="label_bytes",
    )


def label_bytes(least: int, most: int, given: int | None) -> UsageError:
    if given is None:
        problem = f"--label-bytes is missing. Give a whole number from {least} to {most:,}"
    else:
        problem = f"--label-bytes must be from {least} to {most:,}, but is {given:,}"
    return UsageError(problem, term="label_bytes")


def columns_of_another_mode(mode: str) -> UsageError:
    return UsageError(
        f"--send and --receive need --reveal matches, because --reveal {mode} does not show which rows match. Use "
        "--reveal matches, or leave out --send and --receive",
        term="columns",
    )


def columns_of_several_keys() -> UsageError:
    return UsageError(
        "with several keys, --send and --receive need --matching one-to-one. Otherwise two rows that match by "
        "several keys would be in the joined table several times. Add --matching one-to-one, or use only one key",
        term="columns",
    )


def columns_for_nobody() -> UsageError:
    return UsageError(
        "only a side that gets the result can receive columns. With --learn me use --receive, with --learn peer use "
        "--send, and with --learn both you can use both",
        term="columns",
    )


def column_twice() -> UsageError:
    return UsageError("--send or --receive names a column twice. Name each column once", term="columns")


def column_name() -> UsageError:
    return UsageError(
        "a column name in --send or --receive is empty, or has characters that cannot be printed. Rename the column",
        term="columns",
    )


def too_many_columns(most: int, most_bytes: int) -> UsageError:
    return UsageError(
        f"a side can send at most {most} columns, and their names may have at most {most_bytes:,} bytes in total. Send "
        "fewer columns",
        term="columns",
    )


NOT_LISTS = "the record's field 'columns' must have two lists of column names, 'connect' and 'listen'"
NO_NAMES = "the record's field 'columns' lists no column, or a column whose name is not text"
NOT_IN_ORDER = "the column names in the record's field 'columns' are not sorted"


def in_columns(reason: str) -> RemoteError:
    """Columns of a record, which somebody else may have written."""
    return RemoteError(reason, term="columns")


# Values that add up.


def largest_value() -> UsageError:
    return UsageError("--value-max must be a decimal number above 0, such as 1000000 or 1e9", term="value_max")


def largest_value_written(canonical: str) -> UsageError:
    return UsageError(
        f"--value-max must be written in plain digits, without needless zeros. Write --value-max {canonical}",
        term="value_max",
    )


def largest_value_places(largest: str, decimals: int) -> UsageError:
    return UsageError(
        f"--value-max {largest} has more decimal places than --value-decimals {decimals} allows. Round --value-max, or "
        "agree with the peer on a larger --value-decimals",
        term="value_max",
    )


def largest_value_range(decimals: int, most: str) -> UsageError:
    return UsageError(
        f"with --value-decimals {decimals}, --value-max must be above 0 and at most {most}", term="value_max"
    )


def decimal_places(most: int, given: int) -> UsageError:
    return UsageError(f"--value-decimals must be from 0 to {most}, but is {given}", term="value_decimals")


def total_too_large(rows: int, largest: str, most: str | None, decimals: int) -> UsageError:
    wanted = "a smaller --value-max" if most is None else f"a --value-max of at most {most}"
    return UsageError(
        f"the total of {counted(rows, 'value', 'values')}, each of up to {largest}, could be too large for this "
        f"program. Agree with the peer on {wanted}{f', or on a --value-decimals below {decimals}' if decimals else ''}",
        term="value_max",
    )


def values_of_another_mode(mode: str) -> UsageError:
    return UsageError(
        f"--value-decimals and --value-max work only with --reveal sum, and this session has --reveal {mode}. Leave "
        "them out",
        term="value_decimals",
    )


def no_amounts() -> UsageError:
    return UsageError(
        "--reveal sum needs --value-decimals and --value-max, such as --value-decimals 2 --value-max 1000000",
        term="value_decimals",
    )
