"""What people read from this room: every error, and what is wrong with a line or row."""

from __future__ import annotations

import os
from pathlib import Path

from psiselect.base.errors import InputError, OutputError, RemoteError, ResourceError


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun: 1 row, 2 rows."""
    return f"{number:,} {one if number == 1 else many}"


def human_bytes(count: float) -> str:
    """A size in powers of 1024, about three digits: 812 B, 1.25 MiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            digits = 0 if unit == "B" or count >= 100 else 1 if count >= 10 else 2
            return f"{count:.{digits}f} {unit}"
        count /= 1024
    return f"{count:.2f} TiB"


def human_seconds(seconds: float) -> str:
    """A duration for people: 0.42 s, 4 s, 12.3 s, 4 min 05 s, 2 h 03 min."""
    if seconds < 100:
        return f"{round(seconds, 2 if seconds < 10 else 1):.15g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


# Files that are written.
MAKE_ROOM = "Free some disk space, or name a file on another disk"
OTHER_FOLDER = "Choose a folder that exists and that you can write to"
_WORKING_FOLDER = "--workdir or, if the command has no --workdir, with `export TMPDIR=FOLDER`"
DISK_FULL = "the disk is full"
SYMBOLIC_LINK = "it is a symbolic link, which the program does not follow"


def not_written(target: str | os.PathLike[str], reason: str, remedy: str) -> OutputError:
    return OutputError(f"cannot write '{target}': {reason}", remedy, reason=reason)


def is_a_folder(target: Path) -> OutputError:
    return OutputError(f"cannot write '{target}': this is a folder. Name a file in this folder")


def is_a_device(target: Path) -> OutputError:
    return OutputError(f"cannot write '{target}': this is a pipe or a device. Name an ordinary file")


def link_of_another(target: Path) -> OutputError:
    return OutputError(
        f"cannot write '{target}': this is a symbolic link that another user made in a shared folder. Name a file in a "
        "folder of your own"
    )


def not_ours(foreign: str) -> InputError:
    """foreign: what the caller says of a file that is not its own."""
    return InputError(foreign)


def no_working_folder() -> InputError:
    return InputError(
        "there is no folder for working files: the program cannot write to $TMPDIR, /tmp, /var/tmp or the current "
        f"folder. Name a folder with {_WORKING_FOLDER}",
        term="workdir",
    )


def unusable_folder(folder: Path, reason: str | None) -> InputError:
    return InputError(
        f"the program cannot use the folder for working files, '{folder}': {reason}. Choose a folder that exists, has "
        f"free space, and that you can write to. Name the folder with {_WORKING_FOLDER}",
        term="workdir",
    )


# Files that are read.


def cannot_read(path: object, reason: str | None) -> InputError:
    return InputError(f"cannot read '{path}': {reason}")


def unreadable(what: str, path: Path, reason: str | None) -> InputError:
    return InputError(f"cannot read the {what} '{path}': {reason}")


def too_large(what: str, path: Path, most: int) -> InputError:
    return InputError(f"'{path}' is too large to be a {what}. The file must have at most {most:,} bytes")


# Of Python's reader of TOML files: the beginning of what it says, and what to do.
_TOML = {
    "Cannot overwrite": "The file sets the same name twice. Keep only one of the two",
    "Cannot declare": "The same line in brackets [ ] occurs twice. Join the two parts of the file under one such line",
    "Invalid value": "A value is missing or wrong. Text needs quotes around it",
    "'utf-8' codec": "The file is not UTF-8 text. Save the file as UTF-8",
    "maximum recursion": "The file has too many brackets inside one another. Remove some",
}


def not_toml(path: Path, error: Exception) -> InputError:
    remedy = next((what for start, what in _TOML.items() if str(error).startswith(start)), "Correct the file")
    return InputError(f"'{path}' is not a valid TOML file. {remedy} (technical detail: {error})")


# Lines and rows.

COLUMN_NAMES = "column names"
NUL = "a NUL character (a byte with the value 0), which never occurs in text"
NOT_UTF8 = "not UTF-8 text"
BARE_RETURN = "a carriage return inside the line"
BARE_BREAK = (
    "a carriage return or line feed that does not end a line of this file. Put double quotes around a field that "
    "has one, or use the same line ends in the whole file"
)
PERHAPS_ESCAPED = (
    "a field of several lines with a backslash before a quote. If the backslash escapes the quote, read the file with "
    "--csv-escape backslash, otherwise with --csv-escape none"
)


def in_row(name: str, place: str, line: int, problem: str) -> InputError:
    return InputError(f"{name}, {place}: {problem}", line=line)


def line_too_long(mebibytes: int) -> str:
    return f"a line longer than {mebibytes} MiB"


def wrong_width(fields: int, width: int) -> str:
    return f"the row has {counted(fields, 'field', 'fields')}, but the header has {width}"


def not_closed(mebibytes: int) -> str:
    return f"a quoted field is not closed, or the row is longer than {mebibytes} MiB"


def text_after_quote(line: int | None) -> str:
    """line: where, None for the row's first line."""
    where = "" if line is None else f" in line {line}"
    return f'text after a closing quote{where}. Inside quotes, write a quote twice ("")'


# What a peer sends.
_BREAKS_PROTOCOL = (
    "the other side sent data that does not follow the protocol. Ask them which program and version they run"
)


def breaks_protocol(what: str, term: str | None = None) -> RemoteError:
    """what: what an honest program does not do. term: the term that it is about, which the peer hears, too."""
    return RemoteError(
        f"{_BREAKS_PROTOCOL} (technical detail: {what})",
        term=term,
    )


def message_too_long(what: str, length: int, most: int) -> RemoteError:
    return RemoteError(
        f"{_BREAKS_PROTOCOL} (technical detail: the peer's message {what!r} has {length} bytes, and {most} are allowed)"
    )


def not_json(what: str) -> RemoteError:
    return RemoteError(f"{_BREAKS_PROTOCOL} (technical detail: the peer's message {what!r} is not strict JSON)")


def not_an_object(what: str) -> RemoteError:
    return RemoteError(f"{_BREAKS_PROTOCOL} (technical detail: the peer's message {what!r} is not a JSON object)")


def no_field(what: str, name: str) -> RemoteError:
    return RemoteError(
        f"{_BREAKS_PROTOCOL} (technical detail: the peer's message {what!r} has no field '{name}' of the right type)",
        term=name,
    )


def unknown_fields(what: str) -> RemoteError:
    return RemoteError(
        f"{_BREAKS_PROTOCOL} (technical detail: the peer's message {what!r} has fields that this version does not know)"
    )


def out_of_turn(message: int, state: str) -> RemoteError:
    return RemoteError(
        f"{_BREAKS_PROTOCOL} (technical detail: the peer sent message type {message}, which this side does not expect "
        f"in its state '{state}')"
    )


# What the system refuses.


def no_threads() -> ResourceError:
    return ResourceError(
        "the operating system does not let this user start any more threads or processes. End other programs of this "
        "user, or raise the limit with `ulimit -u NUMBER`. If the program runs as a systemd service, raise TasksMax=. "
        "If it runs in a container, raise --pids-limit",
        term="threads",
    )
