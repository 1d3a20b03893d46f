"""What people read from this room: errors and results. Help is not here."""

from __future__ import annotations

from pathlib import Path

import click

from psiselect.base.errors import PsiselectError, UsageError

_BUG = "This is a bug in psiselect. Please report it"


def folder_exists(folder: Path) -> click.UsageError:
    return click.UsageError(
        f"--out names the folder '{folder}', which exists already. Name a folder that does not exist yet"
    )


def too_many_people(most: int) -> UsageError:
    return UsageError(
        f"the demo has fictional telephone numbers for only {most:,} people. Give a number of at most {most:,}"
    )


def listener_ended(what: object) -> PsiselectError:
    return PsiselectError(f"the demo's listening process ended too early: {what}")


def process_ended(code: int, printed: str) -> PsiselectError:
    return PsiselectError(f"a demo process ended with code {code}: {printed}")


def other_rows(matches: int, rows: int, expected: int, joined: int) -> PsiselectError:
    return PsiselectError(
        "the session and a plain join of the lists found different rows. The session found "
        f"{matches} matches in {rows} rows, and the join {expected} matches in {joined} rows. {_BUG}"
    )


def other_counts(found: int, noisy: int, expected: int) -> PsiselectError:
    if found != expected:
        problem = f"the session without noise counted {found} matches, but a plain join of the lists counts {expected}"
    else:
        problem = (
            f"the session with noise counted {noisy} matches, but a plain join of the lists counts {expected}. The "
            "noise cannot change the number so much"
        )
    return PsiselectError(f"{problem}. {_BUG}")


# Results.

BEGINNING = (
    "Acme waits for a call, and Globex calls. Globex then learns which of its rows Acme has too. The two run as "
    "separate programs, and what they send is encrypted (TLS 1.3)."
)
TWO_MORE = "The first session is over. Two more sessions, which reveal less, run now. They take a few seconds."
ONE_SESSION = "One session"
LESS_REVEALED = "The same lists, less revealed: three sessions"
LIST_SIZE = "the size of Globex's list"
NOT_WHICH = "which or how many matched"
NOT_OTHERS = "anything about Acme's other customers, except how many they are"
ONLY_SIZES = "nothing but list sizes"
NOISE_TOO = f"{ONLY_SIZES}, and the noise"


def all_files(folder: Path) -> str:
    return f"All files are in {folder}."


def globex_learnt(matches: int) -> str:
    return f"{matches:,} of its own keys are Acme's too, and which"


def matched_rows(rows: int, columns: int) -> str:
    return f"Globex's matched rows, four of {rows:,} and four columns of {columns}"


def and_which(matches: int) -> str:
    return f"{matches:,}, and which rows"


def not_which(matches: int) -> str:
    return f"{matches:,}, not which"


def noisy(count: int, reach: int, epsilon: object) -> str:
    return f"{count:,}, off by at most {reach} (epsilon {epsilon}, delta 1e-6)"


def checked(matches: int) -> str:
    return f"Checked: a plain join of the two lists by e-mail gives the same {matches:,} matches, rows and count."


def own_list(keys: int, rows: int, duplicates: int, blank: int, unreadable: int) -> str:
    return (
        f"{keys:,} distinct e-mails in {rows:,} rows ({duplicates} duplicates, {blank} blank, {unreadable} unreadable)"
    )
