"""What people read from this room: every error and every note about sessions that are kept in a folder."""

from __future__ import annotations

from pathlib import Path

from psiselect.base.errors import InputError, RemoteError, TransportError, UsageError

_ANEW = "remove the session's folder on both sides and start a new session"
_FOLDER_ANEW = "remove that folder on both sides and start a new session"

# The folder of a session.


def unusable_folder(folder: Path, reason: object) -> InputError:
    return InputError(
        f"the work folder '{folder}' cannot be used: {reason}. Choose a folder that exists and that you can write to",
        term="workdir",
    )


def damaged(path: Path) -> InputError:
    return InputError(f"'{path}' is damaged, so this session cannot go on. R{_ANEW[1:]}", term="workdir")


def damaged_journal(path: Path) -> InputError:
    return InputError(
        f"'{path}' is damaged or belongs to another session, so this session cannot go on. R{_ANEW[1:]}", term="workdir"
    )


def no_journal(folder: Path) -> InputError:
    return InputError(
        f"{folder}: the file with the messages of the session is missing, so the session cannot go on. "
        f"R{_FOLDER_ANEW[1:]}",
        term="workdir",
    )


def moved(folder: Path) -> InputError:
    return InputError(
        f"'{folder}' is the folder of another session: somebody moved or renamed the folder. Move it back to where it "
        "was",
        term="workdir",
    )


def in_use(folder: Path) -> UsageError:
    return UsageError(f"another program works on the session in '{folder}'. Wait until that program ends, or end it")


def not_private(folder: Path) -> InputError:
    return InputError(
        f"'{folder}' must be a folder of this user that nobody else can open. Run `chmod 700 {folder}`", term="workdir"
    )


def journal_failed(what: str, path: Path, reason: object) -> InputError:
    return InputError(f"cannot {what} '{path}': {reason}", term="workdir")


# Another list, another release, another session.


def other_input(path: Path) -> InputError:
    return InputError(
        f"{path}: this session began with another list, another version of psiselect or another --memory-limit. "
        f"Use the list, the version and the --memory-limit with which it began, or {_ANEW}",
        term="workdir",
    )


def other_list(folder: Path) -> InputError:
    return InputError(
        f"the session in '{folder}' began with another list or another --memory-limit. Use the list and the "
        f"--memory-limit with which it began, or {_FOLDER_ANEW}",
        term="input",
    )


def older_protocol(folder: Path, version: int) -> InputError:
    return InputError(
        f"an older version of psiselect (protocol version {version}) began the session in '{folder}'. Finish the "
        f"session with that version, or {_FOLDER_ANEW}",
        term="workdir",
    )


def old_copy(peer_has: int, sent: int) -> RemoteError:
    return RemoteError(
        f"the folders of this session do not fit together: the peer has received {peer_has} messages from this "
        f"side, but this side has sent {sent}. One folder is an old copy. Remove the session's folder on both "
        "sides and start a new session"
    )


def another_session(folder: Path) -> RemoteError:
    return RemoteError(
        f"the peer does not go on with the unfinished session in '{folder}', but began another session. Either ask the "
        "peer to use the --workdir of the unfinished session, or remove this folder. Then start both sides again",
        term="resume",
    )


def unknown_here() -> RemoteError:
    return RemoteError(
        "the peer wants to go on with an unfinished session that this side does not have. If you have its "
        "folder elsewhere, name that folder with --workdir. Otherwise ask the peer to remove its folder of "
        "this session. Then start both sides again",
        term="resume",
    )


# What the peer sends.

_RELEASES = (
    "the two programs do not understand each other about the kept session. Check that both sides run the same "
    "version of psiselect"
)


def contradicts_itself() -> RemoteError:
    return RemoteError(f"{_RELEASES} (technical detail: the peer's message contradicts itself)")


def no_field(name: str) -> RemoteError:
    return RemoteError(f"{_RELEASES} (technical detail: the peer's message lacks a proper '{name}')", term=name)


def other_message(kind: int) -> RemoteError:
    return RemoteError(f"{_RELEASES} (technical detail: the peer sent another message, of type {kind})")


def carries_data(what: str) -> RemoteError:
    return RemoteError(f"{_RELEASES} (technical detail: the peer's {what} contains data, and must be empty)")


SIGN_OF_LIFE, BYE = "sign of life", "BYE"


def as_the_peers(error: TransportError) -> RemoteError:
    """What ended a link, where the peer has said that it gave up."""
    return RemoteError(str(error))


# Links that come and go.


def not_done() -> TransportError:
    return TransportError("the peer has not confirmed that its side has finished")


def going_on(error: object) -> str:
    return f"{error}. The program tries to go on"


def kept(error: object, folder: Path) -> TransportError:
    return TransportError(f"{error}. The session is kept in '{folder}'. To go on, run the same command again")


def result_of(error: object, folder: Path) -> str:
    return f"{error}. This is the result of the session that has ended in '{folder}'"


def unconfirmed(folder: Path) -> str:
    return (
        f"the peer has not confirmed that its side has finished, so '{folder}' is kept. If the peer still "
        "needs this session, run the same command again. Otherwise remove the folder"
    )


NOT_SERVED = "the peer has not confirmed that its side has finished. This side does not wait any longer"
