"""`--help` of commands with many options: in groups, what is required first, and nothing that the command refuses."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from support.program import Run

from cli._groups import OTHERS, REQUIRED, GroupedCommand, rewording
from cli.mpc.command import command as mpc
from cli.psi import offline
from cli.psi.check import check_list
from cli.psi.command import connect_, listen
from cli.psi.estimate import estimate_
from cli.psi.help_groups import SessionCommand
from cli.psi.local import local_
from cli.release.command import command as release
from cli.vote.command import command as vote

SESSIONS = {
    "listen": listen, "connect": connect_, "local": local_,
    "offer": offline.offer, "answer": offline.answer, "finish": offline.finish,
}  # fmt: skip
GROUPS = {"mpc": mpc, "vote": vote, "release": release}
COMMANDS = {
    **SESSIONS, "estimate": estimate_, "check": check_list,
    **{f"{name} {own}": command for name, group in GROUPS.items() for own, command in group.commands.items()},
}  # fmt: skip
PARTIES = ("--identity", "acme", "--peer", "globex.crt", "--input", "acme.csv", "--key", "Mail:email")
OFFER = ("psi", "offer", *PARTIES, "--out", "o", "--state", "s")
ANSWER = ("psi", "answer", "offer.psi", *PARTIES, "--out", "a")


def sections(command: click.Command) -> dict[str, str]:
    """What stands under each heading; under "", all that comes before the first."""
    context = click.Context(command, info_name="x", max_content_width=200, terminal_width=200)
    text = command.get_help(context)
    before, *rest = re.split(r"^(\S.*):$", text, flags=re.MULTILINE)
    return {"": before, **dict(zip(rest[::2], rest[1::2], strict=True))}


@pytest.mark.parametrize("name", COMMANDS)
def test_options_stand_under_headings_and_the_required_first(name: str) -> None:
    command, found = COMMANDS[name], sections(COMMANDS[name])
    assert isinstance(command, GroupedCommand)
    first = REQUIRED if any(param.required for param in command.params if isinstance(param, click.Option)) else None
    assert list(found)[:2] == ["", first or next(iter(command.headings))]
    assert list(found) == ["", *(each for each in (REQUIRED, *command.headings) if each in found)]
    assert OTHERS not in found
    assert "Examples:" in found[""]
    for param in command.params:
        if isinstance(param, click.Option):
            row = rf"^  (?:-\w, )?{re.escape(param.opts[0])}(?= )"
            places = [heading for heading, text in found.items() if heading and re.search(row, text, re.MULTILINE)]
            assert len(places) == (0 if param.hidden else 1), (param.name, places)
            assert param.hidden or (places == [REQUIRED]) is param.required
    assert "[required]" not in "".join(found.values())


def test_the_headings_name_options_that_exist_each_once() -> None:
    named = [name for names in SessionCommand.headings.values() for name in names]
    assert len(set(named)) == len(named)
    assert set(named) <= {str(param.name) for command in SESSIONS.values() for param in command.params} | {"help"}


@pytest.mark.parametrize("name", COMMANDS)
def test_help_begins_with_a_verb_and_speaks_of_nobody_as_me(name: str) -> None:
    for param in COMMANDS[name].params:
        if isinstance(param, click.Option) and not param.hidden:
            text = str(param.help)
            assert not re.search(r"\b(I|my|mine|must say the same|complement)\b", text), text
            assert not re.match(r"(Who|Where|What|Whether|How|This|The|As|Keys|Mean|Folder|Chance)\b", text), text
            assert not re.match(r"[a-z-]+: ", text), text  # a mode is no verb


@pytest.mark.parametrize(
    "arguments",
    [
        *((*OFFER, "--learn", "peer"), (*OFFER, "--learn", "both"), (*OFFER, "--send", "city")),
        *((*OFFER, "--reveal", "sum", "--value", "city"), (*OFFER, "--value-max", "9")),
        (*OFFER, "--min-matches", "2", "--min-matches-by", "other"),
        *((*ANSWER, "--learn", "me"), (*ANSWER, "--receive", "city"), (*ANSWER, "--value-decimals", "1")),
        ("psi", "local", "acme.csv", "globex.parquet", "--key", "Mail:email", "--key-b", "e:email", "--send", "city"),
    ],
)
def test_what_is_not_shown_is_refused_with_a_reason(
    place: Path, program: Run, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(place)
    shown = program(*arguments, "--json")
    assert shown.code == 2
    assert "No such option" not in shown.error


def test_a_shell_can_complete(monkeypatch: pytest.MonkeyPatch, program: Run) -> None:
    """As docs/install.md says."""
    for shell in ("bash", "zsh", "fish"):
        monkeypatch.setenv("_PSISELECT_COMPLETE", f"{shell}_source")
        shown = program()
        assert (shown.code, "_PSISELECT_COMPLETE" in shown.out) == (0, True)
    monkeypatch.setenv("_PSISELECT_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "psiselect psi offer --re")
    monkeypatch.setenv("COMP_CWORD", "3")
    assert program().out.split() == ["plain,--reveal", "plain,--receive", "plain,--remote"]  # and not --resume
    monkeypatch.setenv("COMP_WORDS", "psiselect psi offer --input cust")
    monkeypatch.setenv("COMP_CWORD", "4")
    assert program().out.split() == ["file,cust"]  # the shell looks for names


def test_options_of_local_are_for_both_sides() -> None:
    """One person types them all, so no other side has to say the same."""
    other_side = re.compile(r"Both sides (must )?use|\b[Tt]he peer\b|--learn|--send|\byour list")
    for param in local_.params:
        if isinstance(param, click.Option) and not param.hidden:
            assert not other_side.search(str(param.help)), param.help


def test_words_that_no_option_says_cannot_be_replaced() -> None:
    with pytest.raises(ValueError, match="says 'no such words'"):
        rewording(("no such words", ""))(check_list)
