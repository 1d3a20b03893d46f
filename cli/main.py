"""The command `psiselect`: its groups, and the one place where an error becomes an exit code."""

from __future__ import annotations

import atexit
import gc
import os
import resource
import sys
from collections.abc import Mapping
from typing import ClassVar

import click

from cli import _signals, words
from cli._errors import EXIT_BUG, EXIT_USAGE, classify, fail
from cli._lazy import LazyGroup
from psiselect.base import threads

# Command -> where it is, and its line in the overview. Each module calls its command `command`, so that a command may
# be named like a Python builtin.
COMMANDS: dict[str, tuple[str, str]] = {
    "advise": ("cli.advisor.command:command", "Ask about your task, and recommend a method."),
    "budget": (
        "cli.budget:command",
        "Limit what all published results together reveal about a person.",
    ),
    "demo": ("cli.demo.command:command", "Watch two made-up companies match their lists on this machine."),
    "identity": ("cli.identity:command", "Create the files by which other companies recognise you."),
    "mpc": (
        "cli.mpc.command:command",
        "Calculate with several parties' numbers, which stay secret.",
    ),
    "poll": ("cli.poll:command", "Run a poll in which nobody can be sure of anyone's true answer."),
    "psi": ("cli.psi.group:command", "Match your list with the list of another company."),
    "release": ("cli.release.command:command", "Publish a statistic with random noise that hides each person."),
    "select": (
        "cli.select:command",
        "Choose the best of several items, without revealing people's data.",
    ),
    "ui": ("cli.ui:command", "Work on a page in the browser instead of typing commands."),
    "vote": ("cli.vote.command:command", "Hold an election that hides how each person voted."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="psiselect")
def root() -> None:
    """Match lists, hold elections and publish statistics, without showing the data.

    Start with `psiselect demo`, or ask `psiselect advise` which method fits your task.
    """


def _forbid_core_dumps() -> None:
    """A core dump would hold this side's keys and lists. The limit goes to worker processes too."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _set_up_libraries() -> None:
    """What libraries read when they are loaded.

    numpy's OpenBLAS starts a thread for each core, for products of large floating-point matrices, which nothing here
    computes. Where the system grants no thread, it sends SIGINT to the process.
    Arrow's usual allocator takes memory in pages of 2 MiB. The system clears each of them whole, which took longer than
    all other work on short columns. So Arrow takes the system's allocator.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def _require_stdout(as_json: bool) -> None:
    """A closed stdout would lose every result, and the next file that is opened would be taken for it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
    if sys.stdout is None:
        fail(
            words.stdout_closed(),
            as_json,
        )


def main() -> None:
    """Run the command and turn what it raises into an exit code and one clear line."""
    as_json = "--json" in sys.argv
    _forbid_core_dumps()
    _require_stdout(as_json)
    _set_up_libraries()
    _signals.install()
    try:
        with threads.granted():  # those that libraries start, too
            code = root.main(prog_name="psiselect", standalone_mode=False) or 0
        sys.exit(code)
    except click.exceptions.Abort:
        click.echo("psiselect: interrupted", err=True)
        sys.exit(130)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(EXIT_USAGE)
    except click.UsageError as error:
        if error.ctx is not None and not as_json:
            click.echo(error.ctx.get_usage(), err=True)
        fail(error, as_json)
    except Exception as error:
        if classify(error)[0] == EXIT_BUG:
            raise
        fail(error, as_json)


class _WithoutSlowExtras:
    """Finds no module that a library takes if it is there, and that no command needs, since importing it takes long.

    pandas: Arrow imports it to see whether a list is a column of pandas. No command has such columns. Only pyspark, for
    `--engine`, does not work without it.
    dateutil: Arrow imports it for a kind of value that no command has. Only matplotlib and pandas need it.
    cffi: pycryptodome calls its code by it, and by ctypes of the standard library where it is missing.
    """

    # Each with the libraries that need it.
    NEEDED_BY: ClassVar[Mapping[str, frozenset[str]]] = {
        "pandas": frozenset({"pyspark"}),
        "dateutil": frozenset({"matplotlib", "pandas"}),
        "cffi": frozenset({"pyspark"}),
    }

    @classmethod
    def find_spec(cls, name: str, _path: object = None, _target: object = None) -> None:
        if name in cls.NEEDED_BY and cls.NEEDED_BY[name].isdisjoint(sys.modules):
            raise ModuleNotFoundError(f"no command needs {name}", name=name)


def run() -> None:
    """The command as a process of its own."""
    sys.meta_path.insert(0, _WithoutSlowExtras)
    atexit.register(gc.freeze)  # at the end nobody looks for unreachable cycles: the system takes all memory back
    main()


if __name__ == "__main__":
    run()
