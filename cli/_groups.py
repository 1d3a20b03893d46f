"""`--help` of commands with many options: in groups with headings, what is required first.

Rule: an option that its command always refuses is hidden. It still exists, so that its error says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, TypeVar

import click

_Command = TypeVar("_Command", bound=click.Command)

REQUIRED, OTHERS = "Required", "Others"


class GroupedCommand(click.Command):
    """A command whose options stand under headings.

    headings: under each heading, names of parameters as click has them, in the order in which they are shown. A name
    that the command does not have is passed over. Each required option stands under `REQUIRED` instead.
    """

    headings: ClassVar[Mapping[str, Sequence[str]]] = {}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write all options, each once; those without a heading come last."""
        place = {name: (heading, at) for heading, names in self.headings.items() for at, name in enumerate(names)}
        headings = (REQUIRED, *self.headings, OTHERS)
        shown: dict[str, list[tuple[int, tuple[str, str]]]] = {heading: [] for heading in headings}
        own_help = self.get_help_option(ctx)
        for number, param in enumerate(self.get_params(ctx)):
            record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if record is None:  # hidden, or an argument, which is in the first line
                continue
            name = "help" if param is own_help else str(param.name)
            heading, at = (REQUIRED, number) if param.required else place.get(name, (OTHERS, number))
            shown[heading].append((at, (record[0], record[1].removesuffix("  [required]"))))
        for heading, records in shown.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl([record for _, record in sorted(records)])


def hiding(*names: str) -> Callable[[_Command], _Command]:
    """Leave these options of a command out of its help, since it refuses them. Raises ValueError when it has not got
    one."""

    def apply(command: _Command) -> _Command:
        options = {param.name: param for param in command.params if isinstance(param, click.Option)}
        for name in names:
            if name not in options:
                raise ValueError(f"{command.name} has no option {name}")
            options[name].hidden = True
        return command

    return apply


def rewording(*changes: tuple[str, str]) -> Callable[[_Command], _Command]:
    """Say in the help of a command's options what holds for this command. changes: words of the help, and what it says
    in their place, in this order. Raises ValueError when no option has the words."""

    def apply(command: _Command) -> _Command:
        options = [param for param in command.params if isinstance(param, click.Option)]
        for old, new in changes:
            having = [option for option in options if old in str(option.help)]
            if not having:
                raise ValueError(f"no option of {command.name} says {old!r}")
            for option in having:
                option.help = str(option.help).replace(old, new)
        return command

    return apply
