"""The command `psiselect`: its groups, and the one place where an error becomes an exit code."""

from __future__ import annotations

import importlib
import signal
import sys

import click

from cli._errors import EXIT_BUG, classify, fail

# Command -> module that holds it under the same name. Loaded when asked for, so that `--help` stays quick.
COMMANDS: dict[str, str] = {
    "advise": "cli.advise",
    "budget": "cli.budget",
    "demo": "cli.demo",
    "identity": "cli.identity",
    "mpc": "cli.mpc",
    "poll": "cli.poll",
    "psi": "cli.psi",
    "release": "cli.release",
    "select": "cli.select",
    "vote": "cli.vote",
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        # Each module calls its command `command`, so that a command may be named like a Python builtin.
        found: click.Command = importlib.import_module(module).command
        return found


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="psiselect")
def root() -> None:
    """Match lists, tally votes and release numbers without showing the data.

    Start with `psiselect demo`, or ask `psiselect advise` which approach fits.
    """


def _terminated(number: int, _frame: object) -> None:
    """Leave by an exception, so that working files go and the peer is told."""
    sys.exit(128 + number)


def main() -> None:
    """Run the command and turn what it raises into an exit code and one clear line."""
    as_json = "--json" in sys.argv
    signal.signal(signal.SIGTERM, _terminated)
    try:
        sys.exit(root.main(standalone_mode=False) or 0)
    except click.exceptions.Abort:
        click.echo("psiselect: interrupted", err=True)
        sys.exit(130)
    except click.UsageError as error:
        if error.ctx is not None and not as_json:
            click.echo(error.ctx.get_usage(), err=True)
        fail(error, as_json)
    except Exception as error:
        if classify(error)[0] == EXIT_BUG:
            raise
        fail(error, as_json)


if __name__ == "__main__":
    main()
