"""What people read from this room: every error about offers, answers and the states of offers."""

from __future__ import annotations

from pathlib import Path

from psiselect.base.errors import InputError, OutputError, PolicyError, RemoteError, UsageError
from psiselect.base.words import counted

_ASK_AGAIN = "Ask the peer to send it again"
_ASK_FOR_DIRECTORY = "Ask the peer to send the directory again"
_FAULTY = (
    "the other side's program made a file that does not follow the protocol. Ask them which program and version "
    "they run"
)
_BY_LINK = "use `psi listen` and `psi connect`"


# What files and directories cannot carry out.


def fast_by_files() -> UsageError:
    return UsageError(
        "an exchange by files cannot use the fast protocol, which needs more messages than an offer and an answer. "
        f"Use --protocol ecdh, or {_BY_LINK}",
        term="protocol",
    )


def one_way() -> UsageError:
    return UsageError(
        "in an exchange by files, only the side that makes the offer gets the result. If the other side must get the "
        f"result, let the other side make the offer. If both must get it, let each side make an offer, or {_BY_LINK}",
        term="learn",
    )


def sum_by_files() -> UsageError:
    return UsageError(
        "an exchange by files cannot have --reveal sum, which needs more messages than an offer and an answer. "
        f"U{_BY_LINK[1:]}",
        term="reveal",
    )


def compared_by_files() -> UsageError:
    return UsageError(
        "an exchange by files cannot have --min-matches-by other, which needs more messages than an offer and an "
        f"answer. Use --min-matches-by learner, or {_BY_LINK}",
        term="min_matches_by",
    )


NOISE_BY_PARTS = "--reveal noisy-count adds random entries, which a single machine must generate"
PADDING_BY_PARTS = "--pad-to adds random entries, which a single machine must generate"
COLUMNS_BY_PARTS = "--send and --receive work only with single files or with a connection"
LINKS_BY_PARTS = "--matching one-to-one needs a single machine that puts the keys of each row in random order"


def not_by_parts(what: str, term: str) -> UsageError:
    return UsageError(
        f"--directory and --engine are not possible here: {what}. Exchange single files, or {_BY_LINK}",
        term=term,
    )


# Offers that were answered.


def not_remembered(path: Path, reason: str) -> InputError:
    return InputError(
        f"the program keeps a list of the offers that you have answered, but cannot write this list to '{path}' "
        f"({reason}). With --state, give `psi answer` a file that you can write to"
    )


def not_of_answers(path: Path) -> str:
    return (
        f"'{path}' is damaged, or is not a list of answered offers that psiselect wrote. Give `psi "
        "answer` another file with --state"
    )


def answered(date: str) -> PolicyError:
    return PolicyError(
        f"this offer was answered on {date}, and the program answers each offer only once. A second answer would show "
        "the peer what has changed in your list. Ask the peer for a new offer",
        term="offer",
    )


# The secret state of an offer.


def options_too_long() -> InputError:
    return InputError("the options of this offer are too long to be kept in a state file. Use shorter paths")


def empty_state(path: Path) -> InputError:
    return InputError(
        f"'{path}' is empty, because `psi offer` ended before it had written the offer. Delete this file, and make "
        "another offer"
    )


def not_a_state(path: Path) -> InputError:
    return InputError(
        f"'{path}' is not a state file that `psi offer --state` wrote. Give the file that you "
        "named with --state when you made the offer"
    )


def other_state() -> RemoteError:
    """What the strict decoder of a state is told; people read `not_a_state`."""
    return RemoteError("another version's")


def state_exists(path: Path) -> UsageError:
    return UsageError(
        f"'{path}' exists already, and may still be needed to finish an earlier offer. Name another file with --state. "
        f"If you no longer need the earlier offer, delete '{path}'"
    )


def state_not_written(path: Path, reason: str | None = None) -> InputError:
    why = ", because its folder does not exist" if reason is None else f": {reason}"
    return InputError(f"cannot write '{path}'{why}. With --state, name a file in a folder that you can write to")


def state_not_removed(path: Path, reason: str | None) -> InputError:
    return InputError(f"cannot delete '{path}' ({reason}). Delete '{path}' yourself, because it may hold secrets")


def state_open_to_others(path: Path, mode: int) -> InputError:
    return InputError(
        f"{path}: other users of this computer can read this file, but it holds secrets (mode {mode:04o}). Run `chmod "
        f"600 {path}`"
    )


def no_state(path: Path) -> InputError:
    return InputError(
        f"there is no file '{path}'. Give the file that you named with --state when you made the offer. `psi finish` "
        "deletes this file when the exchange is over"
    )


def state_unreadable(path: Path, reason: str | None) -> InputError:
    return InputError(f"cannot read the state file '{path}': {reason}")


# Files on their way.


def unreadable(source: str, reason: str | None) -> InputError:
    return InputError(f"cannot read '{source}': {reason}")


def cut_short(source: str) -> InputError:
    return InputError(f"'{source}' is cut short. {_ASK_AGAIN}")


def changed(source: object) -> InputError:
    return InputError(f"'{source}' changed while the program read it. Run the command again")


def sent_as_text(source: str) -> InputError:
    return InputError(
        f"'{source}' did not arrive as the peer made it: a mail program or another program sent it as text. Ask the "
        "peer to send the file as an attachment"
    )


def other_file(source: str) -> InputError:
    return InputError(
        f"'{source}' is not a file that `psi offer` or `psi answer` wrote. Name the file that the peer sent"
    )


def other_version(source: str, version: int, known: int) -> InputError:
    return InputError(
        f"'{source}' has version {version} of the file format, but this program knows version {known}. Install the "
        "same release of psiselect on both sides"
    )


def neither(source: str) -> InputError:
    return InputError(f"{source}: {_FAULTY} (technical detail: the file is neither an offer nor an answer)")


def single_file_in_a_directory(source: str) -> InputError:
    return InputError(
        f"'{source}' is a single file of an exchange. Name this file itself, not the directory where it is"
    )


def manifest_alone(source: str) -> InputError:
    return InputError(
        f"'{source}' is only one file of a directory that the peer sent (technical detail: its manifest). Name the "
        "whole directory instead"
    )


def offer_for_an_answer(source: str) -> InputError:
    return InputError(
        f"'{source}' is an offer, and an answer is needed here. The peer makes it with `psi answer`. Name the file "
        "with the answer"
    )


def answer_for_an_offer(source: str) -> InputError:
    return InputError(
        f"'{source}' is an answer, and an offer is needed here. An answer is for `psi finish`. Name the file with the "
        "offer"
    )


def other_length(source: str) -> InputError:
    return InputError(f"'{source}' is damaged or not complete: the file is too long or too short. {_ASK_AGAIN}")


def answers_nothing(source: str) -> InputError:
    return InputError(f"{source}: {_FAULTY} (technical detail: the file does not say which offer it answers)")


def made_by_oneself(source: str, own: str) -> RemoteError:
    return RemoteError(
        f"you made '{source}' yourself, with your identity '{own}', so only the peer can open this file. Name the file "
        "that the peer sent"
    )


def unknown_author(source: str, author: bytes) -> RemoteError:
    return RemoteError(
        f"the program does not accept '{source}', because you did not give its sender's certificate with --peer. If "
        "you know the sender, give their .crt file with --peer. The sender's certificate has the fingerprint "
        f"{author.hex()}"
    )


def for_another(source: str, addressee: bytes, own: str, fingerprint: bytes) -> RemoteError:
    return RemoteError(
        f"'{source}' is not for your identity '{own}' (fingerprint {fingerprint.hex()}), but for the identity with the "
        f"fingerprint {addressee.hex()}. Give that identity with --identity, or ask the peer for a file for '{own}'"
    )


def not_signed(source: str, author: str) -> RemoteError:
    return RemoteError(
        f"{source}: the signature of this file is not valid. Somebody changed the file in transit, or {author} did "
        f"not make the file. {_ASK_AGAIN}"
    )


def not_decrypted(source: str, author: str) -> RemoteError:
    return RemoteError(f"{source}: {_FAULTY} (technical detail: {author} signed the file, but it cannot be decrypted)")


# What is in a file. Its author has signed it, so a fault is its program's.


def of_another_protocol() -> RemoteError:
    return RemoteError(
        "another version of psiselect made this file. Install the same version on both sides, and make a new offer",
        term="version",
    )


def offer_goes_on() -> RemoteError:
    return RemoteError(f"{_FAULTY} (technical detail: the offer has more data than it announces)")


def no_record_signature(what: str) -> RemoteError:
    return RemoteError(f"{_FAULTY} (technical detail: the {what} does not end with a signature)")


def ends_early(what: str) -> RemoteError:
    return RemoteError(f"{_FAULTY} (technical detail: the {what} ends too early, though its author signed it)")


def ends_while(state: str) -> RemoteError:
    return RemoteError(f"{_FAULTY} (technical detail: the file ends too early, while this side was {state})")


def message_in_a_run(kind: int) -> RemoteError:
    return RemoteError(f"{_FAULTY} (technical detail: the file has a message of type {kind} in the wrong place)")


def signature_length(found: int, expected: int) -> RemoteError:
    return RemoteError(
        f"{_FAULTY} (technical detail: the peer's signature of the record has {found} bytes; expected {expected})"
    )


def other_list() -> InputError:
    return InputError(
        "the offer was made from another list, or by another version of this program. Finish with the list and the "
        "version with which you made the offer, or make a new offer",
        term="input",
    )


# Directories.


def directory_exists(folder: Path) -> UsageError:
    return UsageError(f"'{folder}' exists already. Name a directory that does not exist yet", term="out")


def no_folder(folder: Path) -> OutputError:
    return OutputError(
        f"cannot write '{folder}', because the folder '{folder.parent}' does not exist. Name a directory in a folder "
        "that exists"
    )


def unfinished(folder: Path) -> InputError:
    return InputError(f"'{folder}' is not a complete directory of an exchange by files. {_ASK_FOR_DIRECTORY}")


def rows_of_manifest(path: Path, found: int) -> InputError:
    return InputError(
        f"'{path}' must have one row, which lists the contents of the directory, but has {found:,} rows. "
        f"{_ASK_FOR_DIRECTORY}"
    )


def not_a_part(path: Path, column: str) -> InputError:
    return InputError(
        f"'{path}' is not a file of this exchange. {_ASK_FOR_DIRECTORY} (technical detail: the file must have only the "
        f"column '{column}', of bytes)"
    )


def compressed(path: Path) -> InputError:
    return InputError(
        f"'{path}' is compressed, but the files of an exchange must not be compressed. {_ASK_FOR_DIRECTORY}"
    )


def empty_row(path: Path) -> InputError:
    return InputError(f"'{path}' has a row without content. {_ASK_FOR_DIRECTORY}")


def not_parquet(path: Path) -> InputError:
    return InputError(f"'{path}' is not a complete Parquet file. {_ASK_FOR_DIRECTORY}")


def chunks_missing(count: int, column: str) -> RemoteError:
    return RemoteError(
        f"{counted(count, 'part', 'parts')} of the data in the folder {column!r} {'is' if count == 1 else 'are'} "
        f"missing. {_ASK_FOR_DIRECTORY}"
    )


def other_chunks(column: str) -> RemoteError:
    what = f"the data in the folder {column!r} does not match the directory's list of contents (manifest)"
    return RemoteError(f"{what}. {_ASK_FOR_DIRECTORY}")


def damaged_chunk(column: str) -> RemoteError:
    return RemoteError(
        f"the program cannot decrypt a part of the data in the folder {column!r}. This part was changed in transit, or "
        f"belongs to another offer or answer. {_ASK_FOR_DIRECTORY}"
    )


def unordered(values: str, number: int) -> RemoteError:
    return RemoteError(
        f"{_FAULTY} (technical detail: the {values} of list {number} are not in ascending order, or one of them occurs "
        "twice)"
    )


def total_of_manifest(total: int, values: str, number: int) -> RemoteError:
    return RemoteError(
        f"{_FAULTY} (technical detail: the manifest has wrong numbers for the {values} of list {number}; expected "
        f"{total:,} in all parts together)"
    )


def chunk_twice(column: str) -> RemoteError:
    return RemoteError(f"{_FAULTY} (technical detail: the manifest lists a part of {column} twice)")


def chunks_of_manifest(column: str) -> RemoteError:
    return RemoteError(f"{_FAULTY} (technical detail: the manifest does not list the parts of {column} properly)")


def no_part_key() -> RemoteError:
    return RemoteError(f"{_FAULTY} (technical detail: the manifest has no key for its parts)")


def manifest_goes_on() -> RemoteError:
    return RemoteError(f"{_FAULTY} (technical detail: the manifest goes on after its last column)")


def replies_unnamed() -> RemoteError:
    return RemoteError(f"{_FAULTY} (technical detail: the answer does not fit the encrypted keys of the offer)")
