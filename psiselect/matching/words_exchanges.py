"""What people read of exchanges by files, and of the engines that make them: every error and note."""

from __future__ import annotations

from pathlib import Path

from psiselect.base.errors import InputError, RemoteError, UsageError

# An exchange by files.


def one_peer_an_offer() -> UsageError:
    return UsageError(
        "an offer is for one peer only. Give --peer once, and make a separate offer for every other peer", term="peer"
    )


def offer_of_one_machine(state: Path) -> UsageError:
    return UsageError(
        f"'{state}' belongs to an offer that was made without an engine. Run `psi finish` without --engine",
        term="engine",
    )


def offer_of_others(state: Path) -> InputError:
    return InputError(
        f"'{state}' belongs to an offer between other identities. Give the --identity and --peer with which you made "
        "the offer"
    )


def another_offer(answer: object, state: Path) -> RemoteError:
    return RemoteError(
        f"'{answer}' is not the answer to the offer of the state file '{state}'. Name an answer and a state file "
        "that belong to the same offer",
        term="offer",
    )


def other_program(state: Path) -> InputError:
    return InputError(
        f"another version of this program made the state file '{state}'. Run `psi finish` with that version"
    )


def list_is_unknown() -> UsageError:
    return UsageError(
        "a Python program made this offer from a list in its memory, so `psi finish` cannot find the list. Save the "
        "list in a file, and name this file with --input",
        term="source",
    )


def work_is_gone(folder: str) -> InputError:
    return InputError(f"the work directory of the offer, '{folder}', does not exist any more. Make a new offer")


# Engines.


def needs_engine(option: str, engines: str, term: str) -> UsageError:
    return UsageError(f"--{option} needs --engine {engines}", term=term)


SPARK, SPARK_OR_SAIL = "spark", "spark or --engine sail"


def address_needs_engine(option: str, place: str) -> UsageError:
    return UsageError(
        f"{option} gives the address '{place}', but only an engine can use such an address. Add --engine spark or "
        "--engine sail",
        term="engine",
    )


def not_for_engines(option: str, term: str) -> UsageError:
    return UsageError(
        f"--{option} works only without an engine, because the engine has its own settings. Leave out --{option}",
        term=term,
    )


def no_query() -> UsageError:
    return UsageError(
        "--query works only without an engine. Leave out --query, make a view in the engine, and name this view: "
        "--input table:NAME",
        term="query",
    )


def no_shared_workdir() -> UsageError:
    return UsageError(
        "this engine runs on other machines. With --engine-workdir, name a folder or address that only these "
        "machines can read and write. Your keys stay in this folder until the exchange is over",
        term="engine_workdir",
    )


def no_task_key() -> UsageError:
    return UsageError(
        "this engine runs on other machines. Make a secret file with `(umask 077; openssl rand -hex 32 > FILE)`. "
        "Copy this file to the same path on every machine, and run `chmod 600 FILE` there. Then name the file with "
        "--task-key",
        term="task_key",
    )


def not_a_frame(name: str, kind: str) -> UsageError:
    return UsageError(
        f"{name}: the engine cannot read a {kind} of this process. Give a DataFrame of the engine's session, a path, "
        "or table:NAME",
        term="table",
    )


def no_list() -> UsageError:
    return UsageError(
        "an engine needs your list by its name. Give --input with a path, an address or table:NAME", term="source"
    )
