"""What people read from this room: every error.

Rule: no cell of a list comes in here, and no secret. What an engine says is shown only where it has seen no row.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from psiselect.base.errors import InputError, RemoteError, ResourceError, UsageError

_AGAIN = "Ask the peer to send the directory again"

# Engines: options that do not go together.


def session_elsewhere() -> UsageError:
    return UsageError(
        "with session=, the engine is running already, so master= and remote= have no effect. Leave out master= and "
        "remote=",
        term="session",
    )


def no_master_of_sail() -> UsageError:
    return UsageError(
        "--master works only with Spark. Leave out --master: Sail then runs on this machine. To use a Sail server, "
        "give its address with --remote",
        term="master",
    )


def master_and_remote() -> UsageError:
    return UsageError("--master and --remote each say where the engine runs. Leave out one of them", term="remote")


def not_spark_connect() -> UsageError:
    return UsageError("--remote must be the address of a Spark Connect server, such as sc://HOST:15002", term="remote")


def spark_can_encrypt(setting: str) -> UsageError:
    return UsageError(
        "--accept-plain-shuffle is for engines that cannot encrypt their files, such as Sail. Spark can. Set "
        f"{setting} to true where Spark is started, and leave out --accept-plain-shuffle",
        term="accept_plain_shuffle",
    )


# Engines: what is missing, or not encrypted.


def plain_on_disk(setting: str, *, can_encrypt: bool) -> UsageError:
    """can_encrypt: the engine has this setting, as Spark has and Sail has not."""
    if can_encrypt:
        problem = (
            f"this Spark writes your list's keys to local disks without encryption. Set {setting} to true where Spark "
            "is started"
        )
    else:
        problem = (
            "Sail writes your list's keys to local disks without encryption, and has no setting that changes this. "
            "While Sail runs, other users of the machine can also connect to Sail. If nobody else uses the disks and "
            "the machine, give --accept-plain-shuffle"
        )
    return UsageError(problem, term="accept_plain_shuffle")


def plain_on_the_network(authenticate: str, crypto: str, ssl: str) -> UsageError:
    return UsageError(
        "this Spark sends your list's keys between its machines without encryption. Where Spark is started, set "
        f"{authenticate} and {crypto} to true, or {ssl}",
        term="accept_plain_shuffle",
    )


def client_only() -> UsageError:
    return UsageError(
        "the installed package pyspark is only a client, and Spark itself is missing. Run `pip install "
        "'psiselect[spark]'`, or name a server with --remote",
        term="engine",
    )


def old_spark(found: str, least: str) -> UsageError:
    return UsageError(
        f"this is Spark {found}, but psiselect needs Spark {least} or later. Install a later Spark", term="engine"
    )


def session_exists() -> UsageError:
    return UsageError("this program has a Spark session already. Pass it as session=", term="session")


def not_installed(engine: str) -> UsageError:
    return UsageError(
        f"the engine {engine} is not installed. Install it: pip install 'psiselect[{engine}]'", term="engine"
    )


ON_THE_PATH, IN_JAVA_HOME = "on the PATH", "in $JAVA_HOME"
OLDER = "an older one"


def no_java(least: int, where: str) -> UsageError:
    return UsageError(
        f"Spark needs Java {least}, and there is no Java {where}. Install Java (on Debian, the package "
        "openjdk-17-jre-headless), or use --engine sail, which needs no Java",
        term="engine",
    )


def version_of_java(number: str) -> str:
    return f"version {number}"


def other_java(least: int, where: str, found: str) -> UsageError:
    return UsageError(
        f"Spark needs Java {least} or later, but the Java {where} is {found}. Set JAVA_HOME to the folder of a later "
        "Java",
        term="engine",
    )


# What an engine raises.


def does_not_start(why: str) -> UsageError:
    return UsageError(
        "the engine does not start, or cannot be reached. Correct the engine's settings or address (technical detail: "
        f"{why})",
        term="engine",
    )


def not_written_over(why: str) -> UsageError:
    return UsageError(
        "there is already data at the place where the engine would write, and the engine does not overwrite it. Name "
        f"another place (technical detail: {why})",
        term="out",
    )


def engine_cannot(why: str) -> InputError:
    return InputError(f"the engine cannot read or write the data (technical detail: {why})")


def malformed_row() -> InputError:
    return InputError(
        "the engine cannot read a row of the list. The row has more or fewer fields than the header, or a closing "
        "quote is missing. To find the row, run `psi check` on a copy of the list"
    )


def of_a_task(text: str) -> RemoteError:
    """text: what a task has said of the peer's data, by another function of this module."""
    return RemoteError(text)


def engine_failed(what: str) -> ResourceError:
    return ResourceError(
        f"the engine failed ({what}). The reason is in the engine's log. Nothing has gone to the peer, so you can run "
        "the command again"
    )


# The list.


def name_in_use(name: str, column: str) -> InputError:
    return InputError(f"{name}: a column has the name {column!r}, which this program uses itself. Rename the column")


def unreadable_rows(name: str, rule: str, unreadable: int, rows: int, reasons: Iterable[tuple[int, str]]) -> InputError:
    """reasons: how many rows, and why."""
    shown = ", ".join(f"{count:,} {why}" for count, why in reasons)
    return InputError(
        f"{name}: the rule {rule} cannot read {unreadable:,} of {rows:,} rows: {shown}. Correct or empty these rows, "
        "or run without --strict",
        term="rule",
    )


def one_header_line() -> UsageError:
    return UsageError(
        "--header-lines cannot be used with --engine, because an engine reads only one header line. Join the header "
        "lines of the file into one line, or leave out --engine",
        term="header_lines",
    )


def no_list(name: str) -> InputError:
    return InputError(f"{name}: there is no such file or folder")


def not_for_engines(kind: str) -> UsageError:
    return UsageError(
        f"an engine reads CSV files, Parquet files and tables, but not {kind}. Name a table with table:NAME, or leave "
        "out --engine",
        term="form",
    )


TABLE_OF_THE_ENGINE, PARQUET_FILE = "a table in Spark or Sail, not a file", "a Parquet file"


# Directories of the exchange.


def not_whole(place: str) -> InputError:
    return InputError(f"'{place}' is not a complete directory of an exchange by files. {_AGAIN}")


def no_manifest(place: str) -> InputError:
    return InputError(f"'{place}' is not the directory's list of contents (manifest), which has one row. {_AGAIN}")


def unreadable_column(place: str, why: object) -> InputError:
    return InputError(
        f"cannot read '{place}': {why}. If the log says that a file is damaged, {_AGAIN[0].lower()}{_AGAIN[1:]}"
    )


def other_chunks(column: str) -> RemoteError:
    return RemoteError(
        f"the data in the folder {column!r} does not match the directory's list of contents (manifest). {_AGAIN}"
    )


def unlisted_chunk(column: str) -> RemoteError:
    return RemoteError(
        f"the folder {column!r} of the directory has data that the directory's list of contents (manifest) does not "
        f"name. {_AGAIN}"
    )


def chunk_twice(column: str) -> RemoteError:
    return RemoteError(f"a part of the data is in the folder {column!r} of the directory twice. {_AGAIN}")


def not_uniform(column: str) -> RemoteError:
    return RemoteError(
        "the other side sent data that does not follow the protocol. Ask them which program and version they run "
        f"(technical detail: the values of {column!r} are not random, so one task would have too many of them)"
    )


def other_replies() -> RemoteError:
    return RemoteError(
        "the other side sent data that does not follow the protocol. Ask them which program and version they run "
        "(technical detail: the answer does not have one value for each value of the offer)"
    )


# Secrets of tasks. The files are on the machines of the engine.

TASK_KEY, SECRETS = "the task key", "the secrets of this run"


def not_a_task_key(path: Path) -> InputError:
    return InputError(
        f"'{path}' is not a task key. A task key has 64 hexadecimal digits, as `openssl rand -hex 32` prints them",
        term="task_key",
    )


def secrets_not_kept(folder: Path, why: str | None) -> InputError:
    return InputError(f"cannot keep secrets in '{folder}': {why}. Name a folder that you own and can write to")


def secrets_damaged() -> InputError:
    return InputError(
        "a task of the engine cannot read the secrets of this run, because the file is damaged. Start again"
    )


def other_task_key(path: Path) -> InputError:
    return InputError(
        f"a task of the engine cannot open the secrets of this run. The file '{path}' on the task's machine differs "
        "from the one on the machine where you ran the command. Copy the same file to every machine",
        term="task_key",
    )


def readable_by_others(path: Path) -> InputError:
    return InputError(f"{path}: others can read the secrets in this file. Run `chmod 600 {path}`")


def secrets_unreadable(what: str, path: Path, why: str | None) -> InputError:
    return InputError(f"the command, or a task of the engine, cannot read '{path}', the file with {what}: {why}")
