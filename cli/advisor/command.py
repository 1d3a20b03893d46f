"""`psiselect advise`: which approach fits a task on private data, with the arithmetic."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from cli._output import json_option, print_json, print_table, say, stdout_console
from cli.advisor import costs, examples
from cli.advisor.answer import Answer, Undecided, advise
from cli.advisor.conversation import converse
from cli.advisor.fields import ALWAYS, FIELDS
from cli.advisor.report import page
from cli.advisor.task import FieldError, parse_setting, read_task
from cli.advisor.text import render, render_undecided
from cli.advisor.words import phrase
from psiselect.base.atomic import write_bytes
from psiselect.base.errors import UsageError

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("task", required=False, type=_PATH, metavar="[TASK.toml|TASK.json]")
@click.option(
    "--set", "settings", multiple=True, metavar="FIELD=VALUE", help="State a field, over the task file's; repeatable."
)
@click.option(
    "--report", type=_PATH, metavar="FILE.html", help="Write the answer as a self-contained page, with plots."
)
@click.option(
    "--ask/--no-ask",
    default=None,
    help="Hold the conversation, or do not [default: when a terminal and fields are missing].",
)
@click.option(
    "--fields", "list_fields", is_flag=True, help="List every field: what it means, what it may be, its default."
)
@click.option("--example", metavar="NAME", help="Print a worked example as a task file: A01 to A12.")
@json_option
@click.pass_context
def command(
    context: click.Context,
    task: Path | None,
    settings: tuple[str, ...],
    report: Path | None,
    ask: bool | None,
    list_fields: bool,
    example: str | None,
    as_json: bool,
) -> None:
    """Say which approach fits a task on private data, why, and what to run.

    Weighs secure computation, differential privacy, both and neither, with the numbers for your task. What is unknown
    and matters is asked on a terminal, or named, never guessed. Exit code 0: recommended; 10: change the task;
    11: undecided, and the question is printed.

    \b
    Examples:
      psiselect advise
      psiselect advise --example A09 > vote.toml
      psiselect advise vote.toml --set epsilon_total=0.1 --report vote.html
      psiselect advise --set function=intersection --set n_holders=2 --set n_a=100000 --set n_b=100000
    """
    if list_fields:
        _list_fields(as_json)
        return
    if example is not None:
        _print_example(example, as_json)
        return
    given, stated_here = _read(task, settings)
    try:
        answer = _answer(given, ask, as_json)
    except FieldError as error:
        if error.field in stated_here:
            raise UsageError(phrase("errors.option", error=error), term=error.field) from None
        raise
    if as_json:
        print_json(answer.to_json())
    else:
        console = stdout_console()
        console.print(render_undecided(answer) if isinstance(answer, Undecided) else render(answer))
    if report is not None:
        if isinstance(answer, Undecided):
            say(phrase("answer.no-report", field=answer.field))
        else:
            write_bytes(report, page(answer, task.name if task else "").encode())
            say(phrase("answer.report", file=report))
    context.exit(answer.exit_code)


def _read(task: Path | None, settings: tuple[str, ...]) -> tuple[dict[str, Any], set[str]]:
    """The fields from file and options, and the names of those from options. Raises UsageError for a bad option."""
    given = read_task(task) if task else {}
    try:
        stated = dict(parse_setting(setting) for setting in settings)
    except FieldError as error:
        raise UsageError(phrase("errors.option", error=error), term=error.field) from None
    return {**given, **stated}, set(stated)


def _answer(given: dict[str, Any], ask: bool | None, as_json: bool) -> Answer | Undecided:
    talk = (
        ask if ask is not None else not as_json and sys.stdin.isatty() and sys.stdout.isatty() and not _complete(given)
    )
    if talk:
        given = converse(given, _prompt, lambda text: click.echo(text, err=True))
        click.echo(err=True)
    return advise(given, costs.Machine(costs.measure))


def _complete(given: dict[str, Any]) -> bool:
    return all(given.get(name) is not None for name in ALWAYS)


def _prompt(text: str) -> str:
    line: str = click.prompt(text, default="", show_default=False, prompt_suffix=" > ", err=True)
    return line


def _list_fields(as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "fields": [
                    {
                        "name": f.name,
                        "kind": f.kind.value,
                        "allowed": list(f.choices) or f.allowed,
                        "default": f.default,
                        "unit": f.unit or None,
                        "always_asked": f.always,
                        "question": f.ask,
                        "why": f.why,
                    }
                    for f in FIELDS
                ]
            }
        )
        return
    print_table(
        (phrase("listed.field"), phrase("listed.question"), phrase("listed.allowed"), phrase("listed.default")),
        [
            (
                f.name,
                f.ask,
                f.allowed,
                phrase("listed.asked") if f.always else _default(f.default),
            )
            for f in FIELDS
        ],
    )


def _default(value: Any) -> str:
    return phrase("listed.unknown") if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _print_example(name: str, as_json: bool) -> None:
    item = examples.find(name)
    if as_json:
        print_json(item["fields"])
    else:
        click.echo(examples.task_file(item), nl=False)
