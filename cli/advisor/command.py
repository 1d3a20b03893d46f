"""`psiselect advise`: which approach fits a task on private data, with the arithmetic."""

from __future__ import annotations

import itertools
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cli._drawing import stdout_console
from cli._output import json_option, print_json, print_line, print_table, say, to_stdout
from cli.advisor import costs, examples, words_errors
from cli.advisor.answer import Answer, Undecided, advise
from cli.advisor.conversation import Talk, converse
from cli.advisor.fields import ALWAYS, FIELDS
from cli.advisor.report import page
from cli.advisor.scaffold import write_scaffold
from cli.advisor.task import FieldError, parse_setting, read_task
from cli.advisor.text import render, render_undecided
from cli.advisor.words import phrase
from psiselect.base import durable
from psiselect.base.atomic import write_bytes

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("task", required=False, type=_PATH, metavar="[TASK.toml|TASK.json]")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Set a field of the task, in place of its value in the task file. May be repeated.",
)
@click.option(
    "--report", type=_PATH, metavar="FILE.html", help="Write the answer as a page with charts, in a single file."
)
@click.option(
    "--ask/--no-ask",
    default=None,
    help="Say whether to ask questions [default: ask on a terminal if fields are missing].",
)
@click.option(
    "--fields",
    "list_fields",
    is_flag=True,
    help="List every field of a task: what it means, its possible values, its default.",
)
@click.option(
    "--example",
    metavar="NAME",
    help="Print one of the examples A01 to A12 as a task file. With --report, report on it.",
)
@click.option("--save", type=_PATH, metavar="FILE.toml", help="Keep your answers in this new task file.")
@click.option(
    "--scaffold",
    type=_PATH,
    metavar="DIR",
    help="Write a new folder with the task, a list of the parties (parties.toml), the commands, and a README for the "
    "other parties.",
)
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
    save: Path | None,
    scaffold: Path | None,
    as_json: bool,
) -> None:
    """Say which method fits your task with private data, why, and which commands to run.

    The command compares four ways: to match or compute without showing the data, to add random noise to the result, to
    do both, or to do neither. It shows how accurate each result would be. If something important is unknown, the
    command asks, and never guesses.

    Exit code 0: the command recommends a method. 10: no method fits, so change the task. 11: undecided; the command
    prints the open question.

    \b
    Examples:
      psiselect advise
      psiselect advise --example A09 > vote.toml
      psiselect advise vote.toml --set epsilon_total=0.1 --report vote.html
      psiselect advise --save answers.toml
      psiselect advise --set function=intersection --set n_holders=2 --set n_a=100000 --set n_b=100000
    """
    if list_fields:
        _list_fields(as_json)
        return
    if example is not None and report is None and scaffold is None:
        _print_example(example, as_json)
        return
    for new, option in ((save, "--save"), (scaffold, "--scaffold")):
        if new is not None and new.exists():
            raise words_errors.exists(new, option, "save")
    given, stated_here = _read(task, settings)
    if example is not None:
        given = {**_fields_of(example), **given}
    try:
        answer = _answer(given, ask, as_json, save)
    except FieldError as error:
        if error.field in stated_here:
            raise words_errors.option(error) from None
        raise
    if as_json:
        print_json(answer.to_json())
    else:
        console = stdout_console()
        with to_stdout():
            console.print(render_undecided(answer) if isinstance(answer, Undecided) else render(answer))
    if report is not None:
        write_bytes(report, page(answer, task.name if task else example or "", datetime.now(UTC).date()).encode())
        say(phrase("answer.report", file=report))
    if scaffold is not None and isinstance(answer, Answer):
        write_scaffold(answer, scaffold)
        say(phrase("scaffold.made", folder=scaffold))
    elif scaffold is not None:
        say(phrase("scaffold.open"))
    context.exit(answer.exit_code)


def _read(task: Path | None, settings: tuple[str, ...]) -> tuple[dict[str, Any], set[str]]:
    """The fields from file and options, and the names of those from options. Raises UsageError for a bad option."""
    given = read_task(task) if task else {}
    try:
        stated = dict(parse_setting(setting) for setting in settings)
    except FieldError as error:
        raise words_errors.option(error) from None
    return {**given, **stated}, set(stated)


def _fields_of(example: str) -> dict[str, Any]:
    return {name: value for name, value in examples.find(example)["fields"].items() if value is not None}


def _answer(given: dict[str, Any], ask: bool | None, as_json: bool, save: Path | None) -> Answer | Undecided:
    talk = (
        ask if ask is not None else not as_json and sys.stdin.isatty() and sys.stdout.isatty() and not _complete(given)
    )
    if talk:
        talk = Talk({})
        try:
            given = converse(given, _prompt, lambda text: click.echo(text, err=True), talk)
        finally:  # however it ends, nothing that was said is lost
            _keep(talk.known, save)
    return advise(given, costs.Machine(costs.measure, costs.measure_fast))


def _keep(known: dict[str, Any], save: Path | None) -> None:
    """Save the answers where that is asked, and say how to go on."""
    if save is not None:
        _write_new(save, examples.fields_file(known))
        click.echo("\n" + phrase("conversation.saved", file=save), err=True)
        words = ["psiselect", "advise", str(save)]
    else:
        settings = (("--set", f"{name}={examples.setting(value)}") for name, value in known.items())
        words = ["psiselect", "advise", *itertools.chain.from_iterable(settings)]
    click.echo(phrase("conversation.go-on", command=shlex.join(words)) + "\n", err=True)


def _write_new(path: Path, text: str) -> None:
    """A new file that only its owner reads. Raises UsageError where there is one already."""
    try:
        durable.create_private(path)
    except FileExistsError:
        raise words_errors.exists(path, "--save", "save") from None
    write_bytes(path, text.encode(), secret=True)


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
        print_line(examples.task_file(item).removesuffix("\n"))
