"""What people read of exchanges by files, and of the engines that make them: every error and note."""

from __future__ import annotations

from pathlib import Path

from psiselect.base.errors import InputError, RemoteError, UsageError

# An exchange by files.


def one_peer_an_offer() -> UsageError:
    return UsageError("an offer is for one peer. Name one --peer, and make one offer for each peer", term="peer")


def offer_of_one_machine(state: Path) -> UsageError:
    return UsageError(
        f"'{state}' belongs to an offer that was made without an engine. Finish the exchange without --engine",
        term="engine",
    )


def offer_of_others(state: Path) -> InputError:
    return InputError(
        f"'{state}' belongs to an offer between other identities. Name the same --identity and --peer as for the offer"
    )


def another_offer(answer: object, state: Path) -> RemoteError:
    return RemoteError(
        f"'{answer}' answers another offer than the one of '{state}'. Give the file that you named with --state when "
        "you made that offer",
        term="offer",
    )


def other_program(state: Path) -> InputError:
    return InputError(
        f"another version of this program made the state file '{state}'. Run `psi finish` with that version"
    )


def list_is_unknown() -> UsageError:
    return UsageError(
        "a program made this offer from a list in its memory, so `psi finish` does not know the list's file. Name "
        "the file with --input",
        term="source",
    )


def work_is_gone(folder: str) -> InputError:
    return InputError(f"{folder}: this work directory of the offer does not exist any more. Make a new offer")


# Engines.


def needs_engine(option: str, engines: str, term: str) -> UsageError:
    return UsageError(f"--{option} needs --engine {engines}", term=term)


SPARK_OR_SAIL = "spark or --engine sail"


def address_needs_engine(option: str, place: str) -> UsageError:
    return UsageError(
        f"{option} is the address {place}, and only an engine can write and read addresses. Add --engine", term="engine"
    )


def not_for_engines(option: str, term: str) -> UsageError:
    return UsageError(
        f"--{option} works only without an engine, because the engine has its own settings. Leave out --{option}",
        term=term,
    )


def no_query() -> UsageError:
    return UsageError(
        "--query works only without an engine. With an engine, make a view of the query and name the view: --input "
        "table:NAME",
        term="query",
    )


def no_shared_workdir() -> UsageError:
    return UsageError(
        "this engine works on other machines. Use --engine-workdir to name a folder or address that only "
        "these machines can read and write. It holds your keys until the exchange is over",
        term="engine_workdir",
    )


def no_task_key() -> UsageError:
    return UsageError(
        "this engine works on other machines. Put the same secret file on each of them, with mode 0600, and name its "
        "path with --task-key. `openssl rand -hex 32` makes its content",
        term="task_key",
    )


def not_a_frame(name: str, kind: str) -> UsageError:
    return UsageError(
        f"{name}: the engine cannot read a {kind} of this process. Give a DataFrame of the engine's session, a path "
        "or table:NAME",
        term="table",
    )


def no_list() -> UsageError:
    return UsageError("name the list with --input: a path, an address or table:NAME", term="source")
