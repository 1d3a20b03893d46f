"""What people read from this room: errors and results. Help is not here.

Rule: what is said of the noise is public; it comes from the release's record, never from the rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from psiselect.base.errors import InputError, UsageError

# Lists of categories.

CATEGORIES = "categories"


def categories_twice() -> UsageError:
    return UsageError("--categories and --categories-file cannot be used together. Leave out one of them")


def not_a_row() -> UsageError:
    return UsageError(
        "--categories must be names separated by commas, such as Sales,Support. If a name has a comma, put double "
        "quotes around this name, and single quotes around the whole list: --categories '\"Smith, Jones & Co\",Sales'"
    )


def not_a_number(why: object) -> UsageError:
    """why: the whole sentence."""
    return UsageError(str(why))


def too_large(file: Path, what: str, mebibytes: int) -> InputError:
    return InputError(
        f"{file}: this file is too large. A file of {what} may have at most {mebibytes} MiB. Shorten the file"
    )


def not_text(file: Path) -> InputError:
    return InputError(f"{file}: this file is not UTF-8 text. Save it as UTF-8 text")


# Results.

_NOISE = "privacy noise"
_OFTEN = "in 19 of 20 releases"


def number(about: str, error: str | None, *, in_ranks: bool) -> str:
    """about: the number. error: how far off it may be, None where that is unknown."""
    if error is None:
        return f"about {about} (with {_NOISE})"
    if in_ranks:
        further = f"at most {error} rows lie between it and the best possible answer"
        return f"about {about} (with {_NOISE}; {_OFTEN} {further})"
    return f"about {about} (with {_NOISE}; {_OFTEN} off by at most {error})"


def histogram(each: str, together: str) -> str:
    return f"Counts with {_NOISE}: {_OFTEN} a count is off by at most {each}, and all of them by at most {together}."


def table(errors: Iterable[tuple[str, str]], *, all_known: bool) -> str:
    """errors: a statistic, and how far off it may be."""
    known = ", and ".join(f"a {name} is off by at most {error}" for name, error in errors)
    told = f": {_OFTEN} {known}" if known else ""
    open_ = "" if all_known else "; the error of a mean depends on how many rows its group has"
    return f"Numbers with {_NOISE}{told}{open_}."


def first(name: str | None) -> str:
    return f"{'no value reaches the threshold' if name is None else name} (decided with {_NOISE} on each count)"
