"""What people read from this room's Python: refusals, what is wrong in a form, what work says, and lines of the log.

words_choices has the choices that forms offer and the names of their fields. Pages are in the folder templates.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from psiselect.base.errors import CancelError, InputError, UsageError

# Pages that say no.

NOT_HERE = "This is not the address of this page.\n"
NOT_POSSIBLE = "Not possible"
ONLY_PAGES_AND_FORMS = "A browser can only read pages and send forms here."
NOT_TAKEN = "The browser has sent something that this page cannot use. The page has done nothing."
NOT_FROM_HERE = "Not sent from here"
SENT_BY_ANOTHER = "Another site has sent this form. The page has done nothing."
LED_BY_ANOTHER = "Another site has sent you here. The page has done nothing."
LOCKED = "This page is locked"
HOW_TO_UNLOCK = "Start the page with the command psiselect ui, and use the page that opens."
TOO_LARGE = "The file is too large"
NO_ROOM = "There is no room for this file"
TOO_OLD = "This form is too old"
FROM_EARLIER = "This form comes from an earlier run of the page, so the page has done nothing. Start again."
ENDED = "This task has ended"
FILES_ARE_GONE = "The files of this task were removed. Saved results are still there. Start again."
TOO_MANY = "Too many tasks"
WAIT_FOR_ONE = "Eight matches are running. Wait until one of them ends, or stop one. Then try again."
FAILED = "This page has failed"
A_BUG = "This is a bug in psiselect. Your files stay as they are."
START_AGAIN = f"{A_BUG} Start again."
KEY_USED = "This link was used already"
OPENS_ONCE = "The link to this page works only once. Stop the command psiselect ui, and start it again."
NO_PAGE = "No such page"
USE_LINKS_ABOVE = "Use the links at the top of this page."
NO_FILE = "No such file"
USE_LINKS = "Use the links of the page."
NO_BUDGET = "The budget cannot be read"
NO_IDENTITIES = "Your identities cannot be read"


def at_most(size: str) -> str:
    return f"This page takes at most {size}. Nothing was kept of your file."


def disk_is_full(folder: object) -> str:
    return (
        f"The disk with the folder for temporary files, '{folder}', is full. Nothing was kept of your file. Delete "
        "other files there, or ask whoever runs this machine for another folder (the setting TMPDIR)."
    )


# Lines of the log.

PAGE_FAILED = "a page failed: %s"
WORK_FAILED = "a task of the page failed: %s"


# Starting, and the folder of the page.


def cannot_listen(port: int, reason: str) -> UsageError:
    return UsageError(f"the page cannot use --port {port}. Use --port 0 for any free port (technical detail: {reason})")


def folder_of_another(folder: Path) -> InputError:
    return InputError(
        f"the folder '{folder}', in which the page keeps its data, belongs to another user. To use a folder of your "
        "own, run `export XDG_DATA_HOME=FOLDER` with its full path, then start the page again"
    )


def not_a_name(most: int) -> UsageError:
    return UsageError(f"the name must have 1 to {most} characters", term="name")


# What is wrong in a form.


def as_said(text: str) -> UsageError:
    """An error in words that are there already."""
    return UsageError(text)


CHOOSE_ONE = "Choose an answer."
ANSWER_OR_SKIP = "Answer the question, or say that you do not know."
EMPTY_FILE = "This file is empty. Choose another file."
CHOOSE_BUDGET = "Choose the file of a budget, such as town.db."
NOT_A_BUDGET = "This file is not a budget of psiselect, or the file is damaged. Choose another file."
NUMBER_ABOVE_0 = "Write a number above 0, such as 0.5."

# Of elections.
NAME_THE_ELECTION = "Give the election a name, such as “Board 2026”."
CHOOSE_BALLOTS = "Choose the file with the ballots."
EMPTY_BALLOTS = f"This file is empty. {CHOOSE_BALLOTS}"
ONE_CANDIDATE = "There is only one candidate, so there is nothing to choose."
CHOOSE_PROTECTION = "Choose the protection, or write a number above 0, such as 0.5."
PEOPLE_WHO_MAY_VOTE = "the number of people who may vote"
LEAD_IN_VOTES = "the lead in votes"
NUMBER_OF_SEATS = "the number of seats"


def not_ready_to_draw() -> InputError:
    return InputError("the ballots are still missing, or the protection. Choose both first")


# Of numbers.
NAME_THE_DATA = "Give the data a name, such as “Members 2026”."
CHOOSE_ROWS = "Choose the file with the rows."
EMPTY_ROWS = f"This file is empty. {CHOOSE_ROWS}"
CHOOSE_COLUMN = "Choose the column."
CHOOSE_COLUMN_OF_GROUPS = "Choose the column of the groups."
WRITE_LOWEST = "Write the lowest value that counts. Without this limit, no noise would be enough."
WRITE_HIGHEST = "Write the highest value that counts. Without this limit, no noise would be enough."
HIGHEST_ABOVE_LOWEST = "The highest value must be above the lowest value."
NUMBER_OF_ROWS = "the number of rows"
ENOUGH_ROWS = "how many rows are enough"
WRITE_ENOUGH_ROWS = f"Write {ENOUGH_ROWS}."
ROWS_OF_A_PERSON = "how many rows a person may have"


def write_one(*, or_ranges: bool) -> str:
    ranges = ", or the edges of ranges below" if or_ranges else ""
    return f"Write at least one, each on a line of its own{ranges}."


def whole_number(what: str, least: int, most: int) -> str:
    return f"Write {what}: a whole number from {least} to {most:,}."


def nothing_planned() -> InputError:
    return InputError("there is no question yet. Ask a question first")


# Of matches.
CHOOSE_ANSWER = "Choose the file that your partner has sent back, such as answer.psi."
CHOOSE_OWN = "Choose the list from which you made the offer."
CHOOSE_SHARED_COLUMN = "Choose the column that your partner has too."
CHOOSE_SAME_COLUMN = "Choose the column that holds the same as the first file's column."
TELEPHONE_FIRST = "Telephone your partner first, and compare both fingerprints."
CHOOSE_OFFER = "Choose the file that your partner has sent you, such as offer.psi."
WRITE_PORT = "Write the port: a number from 1 to 65535, such as 7001."
WRITE_ADDRESS = "Write the address of your partner’s machine, such as match.acme.example."
CHOOSE_VALUES = "Your partner gets the result, which adds up your values. Choose the column with these values."
SUM_NEEDS_BOTH = "A sum needs both machines at once. Choose another result, or let one side call the other."
SMALLEST_RESULT = "the smallest result"
THE_PORT = "the port"
NUMBER_OF_PLACES = "the number of decimal places"


def no_address() -> UsageError:
    return UsageError(WRITE_ADDRESS)


def needs_two_files() -> UsageError:
    return UsageError("A trial needs two files. Choose both")


def not_all_chosen() -> UsageError:
    return UsageError(
        "at least one of these three steps is not done yet: check the list, choose the partner, choose the terms. Do "
        "all three steps first"
    )


def no_offer() -> UsageError:
    return UsageError("the partner's offer is missing. Choose the file that your partner has sent you")


def own_certificate() -> InputError:
    return InputError("This is your own certificate. Choose the one that your partner has sent you.")


def no_certificate() -> InputError:
    return InputError("Choose the file that your partner has sent you. Its name ends in .crt.")


def not_a_certificate() -> InputError:
    return InputError("This is not a psiselect certificate. Ask your partner for the file that ends in .crt.")


def not_an_identity_name() -> UsageError:
    return UsageError(
        "The name must have 1 to 63 letters from a to z, digits, dots, hyphens or underscores, such as acme or "
        "red-cross"
    )


def identity_exists() -> UsageError:
    return UsageError("You already have an identity with this name. Choose the identity above, or choose another name")


# Records.

CHOOSE_RECORD = "Choose the record, such as record.json."
CERTIFICATE_OR_NONE = "This is not a psiselect certificate. Choose the file that ends in .crt, or none."
YOUR_PARTNER = "your partner"
NOT_WHOLE = "This record is not complete"
CHANGED_OR_CUT = (
    "This file is not a record, or somebody has changed or shortened the record. Ask your partner for their copy: both "
    "sides have the same record."
)
OF_OTHERS = "This record is somebody else’s"
NOT_GENUINE = "This record is not genuine"
DO_NOT_RELY = (
    "A signature is not valid: somebody has changed the record, or has not signed it. Do not rely on this record."
)


def signed_by_others(signer: str) -> str:
    return f"The signatures are right, but none of them is by {signer}, whose certificate you have chosen."


# What work says while it lasts.


def stopped() -> CancelError:
    return CancelError("stopped")


READING = "Reading"
READING_LIST = "Reading your list"
READING_BOTH = "Reading both files"
MATCHING = "Matching"


def reading(called: str) -> str:
    return f"{READING} {called}"


def read_so_far(called: str, rows: int) -> str:
    return f"{READING} {called}: {rows:,} rows so far"


def then_calling(peer: str, address: str) -> str:
    return f"{READING_LIST}, then calling {peer} at {address}"


def waiting_for(peer: str, port: str) -> str:
    return f"Waiting for {peer} to call, on port {port}"


def matching_with(peer: str) -> str:
    return f"Matching with {peer}"


def making_offer(peer: str) -> str:
    return f"Making an offer for {peer}"


def answering_offer(peer: str) -> str:
    return f"Answering the offer of {peer}"


# Advice.

HOLD_AN_ELECTION = "Hold an election"
MATCH_WITH_A_PARTNER = "Match lists with a partner"
PUBLISH_NUMBERS = "Publish numbers"


def follows(possible: Sequence[str]) -> str:
    """possible: the approaches that answers leave, in words."""
    if len(possible) == 1:
        return f"The approach is decided: {possible[0]}. The questions that are left are about the command."
    return "With these answers, the advice may still be one of these:" if possible else ""


def several(possible: Sequence[str]) -> list[str]:
    """What is listed below that sentence: nothing where there is only one."""
    return [each[:1].upper() + each[1:] for each in possible] if len(possible) > 1 else []
