"""What people read from this room: every error and every note about sessions that are kept in a folder."""

from __future__ import annotations

from pathlib import Path

from psiselect.base.errors import InputError, RemoteError, TransportError, UsageError


def _anew(folder: Path, verb: str = "Delete") -> str:
    return f"{verb} the session's folder on both sides (on this side: '{folder}'), and start a new session"


# The folder of a session.


def unusable_folder(folder: Path, reason: object) -> InputError:
    return InputError(
        f"the program cannot use the folder '{folder}' ({reason}). Choose a --workdir that exists and that you can "
        "write to",
        term="workdir",
    )


def damaged(path: Path) -> InputError:
    return InputError(f"'{path}' is damaged, so this session cannot go on. {_anew(path.parent)}", term="workdir")


def damaged_journal(path: Path) -> InputError:
    return InputError(
        f"'{path}' is damaged or belongs to another session, so this session cannot go on. {_anew(path.parent)}",
        term="workdir",
    )


def no_journal(folder: Path) -> InputError:
    return InputError(
        f"{folder}: the file 'journal', with the session's messages, is missing, so the session cannot go on. "
        f"{_anew(folder)}",
        term="workdir",
    )


def moved(folder: Path) -> InputError:
    return InputError(
        f"the session in the folder '{folder}' began in another folder, so somebody has moved or renamed its folder. "
        "Move the folder back, or give the folder its old name",
        term="workdir",
    )


def in_use(folder: Path) -> UsageError:
    return UsageError(
        f"another program is using the session in '{folder}'. Wait until that program has ended, or end it yourself"
    )


def not_private(folder: Path) -> InputError:
    return InputError(
        f"'{folder}' must be a folder that belongs to you and that nobody else can open. Run `chmod 700 {folder}`. If "
        "the folder belongs to somebody else, choose another --workdir",
        term="workdir",
    )


def journal_failed(what: str, path: Path, reason: object) -> InputError:
    return InputError(f"cannot {what} '{path}', a file of this session: {reason}", term="workdir")


# Another list, another release, another session.


def other_input(path: Path) -> InputError:
    return InputError(
        f"{path}: this session began with another list, another version of psiselect or another --memory-limit. "
        f"Use the same list, version and --memory-limit again. {_anew(path.parent, 'Otherwise delete')}",
        term="workdir",
    )


def other_list(folder: Path) -> InputError:
    return InputError(
        f"the session in '{folder}' began with another list or another --memory-limit. Use the same list and "
        f"--memory-limit again. {_anew(folder, 'Otherwise delete')}",
        term="input",
    )


def older_protocol(folder: Path, version: int) -> InputError:
    return InputError(
        f"an older version of psiselect (protocol version {version}) began the session in '{folder}'. Finish the "
        f"session with that version. {_anew(folder, 'Otherwise delete')}",
        term="workdir",
    )


def old_copy(peer_has: int, sent: int) -> RemoteError:
    return RemoteError(
        f"the two sides' folders of this session do not fit together: the peer has received {peer_has} messages from "
        f"this side, but this side has sent {sent}. So one of the folders is an old copy. Delete the session's folder "
        "on both sides, and start a new session"
    )


def another_session(folder: Path) -> RemoteError:
    return RemoteError(
        f"the peer does not go on with the unfinished session in the folder '{folder}', but has begun another session. "
        "Ask the peer to use the --workdir of the unfinished session. If the peer no longer has that session, delete "
        "your folder. Then start both sides again",
        term="resume",
    )


def unknown_here() -> RemoteError:
    return RemoteError(
        "the peer wants to go on with an unfinished session that this side does not have. If you began that session "
        "with another --workdir, use that --workdir again. Otherwise ask the peer to delete the session's folder "
        "on their side. Then start both sides again",
        term="resume",
    )


# What the peer sends.

_RELEASES = (
    "the two programs cannot agree on how to go on with the unfinished session. Check that both sides run the same "
    "version of psiselect"
)


def contradicts_itself() -> RemoteError:
    return RemoteError(f"{_RELEASES} (technical detail: the peer's message contradicts itself)")


def no_field(name: str) -> RemoteError:
    return RemoteError(f"{_RELEASES} (technical detail: the peer's message has no valid field '{name}')", term=name)


def other_message(kind: int) -> RemoteError:
    return RemoteError(f"{_RELEASES} (technical detail: the peer sent another message, of type {kind})")


def carries_data(what: str) -> RemoteError:
    return RemoteError(f"{_RELEASES} (technical detail: the peer's message {what!r} contains data, but must be empty)")


SIGN_OF_LIFE, BYE = "sign of life", "BYE"


def as_the_peers(error: TransportError) -> RemoteError:
    """What ended a link, where the peer has said that it gave up."""
    return RemoteError(str(error))


# Links that come and go.


def not_done() -> TransportError:
    return TransportError("this side has finished, but the peer has not confirmed that the peer has finished too")


def going_on(error: object) -> str:
    return f"{error}. The program tries to connect again and to go on with the session"


def kept(error: object, folder: Path) -> TransportError:
    return TransportError(f"{error}. The session is kept in '{folder}'. To go on, run the same command again")


def result_of(error: object, folder: Path) -> str:
    return f"{error}. The program shows the result again that an earlier session has left in '{folder}'"


def unconfirmed(folder: Path) -> str:
    return (
        f"this side has finished, but the peer has not confirmed that the peer has finished too. So the program keeps "
        f"the session in '{folder}'. If the peer has not finished, run the same command again. Otherwise delete "
        "this folder"
    )


NOT_SERVED = "this side has finished, and no longer waits for the peer to confirm that the peer has finished too"
