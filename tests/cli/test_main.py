"""The one place where an error becomes an exit code and a line, and the overview of commands."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner
from rich.console import Console
from rich.table import Table

from cli import main as program
from cli._fitting import Fitted
from cli._options import options
from psiselect.base.errors import BudgetError, InputError, PolicyError, RemoteError, TransportError, UsageError

Called = tuple[int, str, str]  # exit code, stdout, stderr
Call = Callable[..., Called]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """`psiselect run` with a command that raises what it is given, and the words of the command line."""

    def one(error: BaseException | None, *words: str) -> Called:
        @click.command("run")
        @click.option("--json", "as_json", is_flag=True)
        def command(as_json: bool) -> None:
            if error is not None:
                raise error

        monkeypatch.setattr(program.root, "get_command", lambda ctx, name: command if name == "run" else None)
        monkeypatch.setattr("sys.argv", ["psiselect", *words])
        with pytest.raises(SystemExit) as ended:
            program.main()
        assert isinstance(ended.value.code, int)
        return (ended.value.code, *capsys.readouterr())

    return one


@pytest.mark.parametrize(
    ("error", "code", "kind"),
    [
        (UsageError("why", term="key"), 2, "usage"),
        (InputError("why", term="key"), 3, "input"),
        (RemoteError("why", term="key"), 4, "peer"),
        (TransportError("why", term="key"), 5, "transport"),
        (PolicyError("why", term="key"), 6, "policy"),
        (BudgetError("why", term="key"), 6, "budget"),
    ],
)
def test_an_error_is_one_line_on_stderr_or_one_object_on_stdout(
    call: Call, error: Exception, code: int, kind: str
) -> None:
    assert call(error, "run") == (code, "", "psiselect: why\n")
    found, out, err = call(error, "run", "--json")
    assert (found, err, out.count("\n")) == (code, "", 1)
    assert json.loads(out) == {"error": {"code": code, "kind": kind, "term": "key", "message": "why"}}


def test_a_usage_error_of_the_command_line_shows_the_usage_but_not_with_json(call: Call) -> None:
    code, out, err = call(None, "run", "--nope")
    assert (code, out) == (2, "")
    assert err.splitlines()[0].startswith("Usage: ")
    assert err.splitlines()[-1].startswith("psiselect: No such option")
    code, out, err = call(None, "run", "--json", "--nope")
    assert (code, err) == (2, "")
    error = json.loads(out)["error"]
    assert (error["code"], error["kind"], error["term"]) == (2, "usage", None)


def test_other_ends(call: Call) -> None:
    assert call(None, "run") == (0, "", "")
    assert call(click.exceptions.Exit(11), "run") == (11, "", "")  # `advise` says so what it found
    assert call(click.Abort(), "run") == (130, "", "psiselect: interrupted\n")
    assert call(KeyboardInterrupt(), "run")[0] == 130
    code, out, err = call(None)
    assert (code, out) == (2, "")
    assert "psiselect demo" in err
    assert call(None, "nothing-like-it")[0] == 2


def test_a_bug_is_not_made_to_look_like_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(program.root, "main", broken)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        program.main()


def test_a_terminated_command_leaves_by_an_exception_with_the_signals_code(call: Call) -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        call(None, "run")
        handler = signal.getsignal(signal.SIGTERM)
        assert callable(handler)
        with pytest.raises(SystemExit) as ended:
            handler(signal.SIGTERM, None)
        assert ended.value.code == 143
    finally:
        signal.signal(signal.SIGTERM, before)


def test_the_overview_names_each_command_once_and_each_is_there() -> None:
    shown = CliRunner().invoke(program.root, ["--help"]).output
    listed = shown.split("Commands:")[1]
    for name, (_, line) in program.COMMANDS.items():
        assert f"  {name} " in listed
        assert line in listed
        assert CliRunner().invoke(program.root, [name, "--help"]).exit_code == 0
    assert program.root.list_commands(click.Context(program.root)) == sorted(program.COMMANDS)


def test_shared_options_are_shown_in_the_order_in_which_they_are_listed() -> None:
    @click.command()
    @options(click.option("--first"), click.option("--second"), click.option("--third"))
    def command(**_: object) -> None:
        """Nothing."""

    assert [parameter.name for parameter in command.params] == ["first", "second", "third"]


@pytest.mark.parametrize(("width", "shown"), [(12, "table"), (11, "stacked")])
def test_a_table_gives_way_where_its_longest_words_do_not_fit(width: int, shown: str) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("one", "two"):
        table.add_column(name)
    table.add_row("table", "words")  # 5 and 5, and 2 between them
    console = Console(width=width, file=None)
    with console.capture() as captured:
        console.print(Fitted(table, "stacked"))
    assert shown in captured.get()
    assert ("stacked" in captured.get()) == (shown == "stacked")
