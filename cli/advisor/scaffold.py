"""The folder that `--scaffold` makes: the task, the parties, the commands, and a README for the other parties."""

from __future__ import annotations

from pathlib import Path

from cli.advisor import examples, words_errors
from cli.advisor.answer import Answer
from cli.advisor.printed_commands import MAX_PARTIES
from cli.advisor.words import phrase
from psiselect.base.atomic import write_bytes

FIRST_PORT = 9001
# Files that the commands read and that are public, with what a line of each is.
PUBLIC_LISTS = {"options.txt": "answer", "groups.txt": "group", "candidates.txt": "candidate"}
MAX_PLACES = 1000


def write_scaffold(answer: Answer, folder: Path) -> None:
    """Make the folder. Raises UsageError where it exists, InputError where it cannot be made."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        raise words_errors.exists(folder, "--scaffold", "scaffold") from None
    except OSError as error:
        raise words_errors.no_folder(folder, error.strerror) from error
    for name, text in contents(answer).items():
        write_bytes(folder / name, text.encode(), secret=name == "task.toml")


def contents(answer: Answer) -> dict[str, str]:
    """The files of the folder: name and text."""
    files = {"task.toml": examples.fields_file(answer.given), "README.md": _readme(answer)}
    if answer.steps:
        files["commands.sh"] = _commands(answer)
    if _together(answer):
        files["parties.toml"] = _parties(answer)
    used = {word for step in answer.steps for word in step.words}
    facts = answer.setting.f
    number = int(facts.n_candidates or max(facts.output_dim or 0, 3))
    if number <= MAX_PLACES:
        files |= {name: _places(name, number) for name in PUBLIC_LISTS if name in used}
    return files


def _places(name: str, number: int) -> str:
    """Places for the names of a public list."""
    return "".join(f"{PUBLIC_LISTS[name]} {i}\n" for i in range(1, number + 1))


def _together(answer: Answer) -> bool:
    return any(step.words[1] == "mpc" for step in answer.steps)


def _commands(answer: Answer) -> str:
    lines = ["#!/bin/sh", *(["# " + phrase("scaffold.parties-comment")] if _together(answer) else [])]
    for step in answer.steps:
        times = f" ({phrase('scaffold.readme-times', times=step.times)})" if step.times > 1 else ""
        lines += [f"# {step.who}{times}:", f"# {step.line}"]  # for people to choose from: nothing runs by accident
    return "\n".join(lines) + "\n"


def _parties(answer: Answer) -> str:
    number = min(MAX_PARTIES, max(3, int(answer.setting.f.n_holders)))
    parties = [
        f'\n[[party]]\nname = "{name}"\naddress = "{name}.example:{FIRST_PORT + i}"\ncertificate = "{name}.crt"\n'
        for i, name in enumerate(party_names(number))
    ]
    return f"# {phrase('scaffold.parties-comment')}\n{''.join(parties)}"


def party_names(number: int) -> list[str]:
    """Places for names: a, b, ..., z, then p27 and so on."""
    return [chr(ord("a") + i) if i < 26 else f"p{i + 1}" for i in range(number)]


def _readme(answer: Answer) -> str:
    label = answer.primary
    lines = [f"# {phrase('scaffold.readme-title')}", "", phrase("scaffold.readme-you"), "", f"{answer.rule.why}", ""]
    lines += [f"- {phrase('scaffold.readme-learn', recipients=label.recipients)}"]
    lines += [f"- {phrase('scaffold.readme-party', party=label.party)}", ""]
    if answer.steps:
        lines += [f"## {phrase('scaffold.readme-steps')}", ""]
        keys = any("--identity" in step.words for step in answer.steps)
        todo = [phrase("scaffold.readme-keys"), phrase("scaffold.readme-exchange")] if keys else []
        todo += [phrase("scaffold.readme-parties")] if _together(answer) else []
        todo += [phrase("scaffold.readme-run")]
        lines += [*(f"{number}. {what}" for number, what in enumerate(todo, 1)), ""]
        for step in answer.steps:
            times = [phrase("scaffold.readme-times", times=step.times)] if step.times > 1 else []
            lines += [f"   {step.who}:", "", f"       {step.line}", "", *(f"   {line}" for line in times)]
        lines += [*(f"- {note}" for note in answer.notes), ""]
    if answer.risks:
        lines += [f"## {phrase('scaffold.readme-risks')}", ""]
        lines += [f"- **{warning.title}**: {warning.text}" for warning in answer.risks]
    return "\n".join(lines).rstrip() + "\n"
