"""How a noisy number is shown: that it is noisy, in the first line, with an error that is never rounded down."""

from __future__ import annotations

from fractions import Fraction

import click
import pytest

from cli.main import root
from cli.release import shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1234", "1,234"),
        ("-1234567", "-1,234,567"),
        ("3173.25", "3,173.25"),
        ("12653/6", "2,108.83"),
        ("-12653/6", "-2,108.83"),
        ("0", "0"),
        ("1/3", "0.333"),
        (str(10**29 + 7), "100,000,000,000,000,000,000,000,000,007"),
        ("200000000000000000000/3", "66,666,666,666,666,666,667"),
        ("0.125", "0.125"),
    ],
)
def test_a_number_with_commas(value: str, text: str) -> None:
    assert shown.about(Fraction(value)) == text


@pytest.mark.parametrize(
    ("error", "text"),
    [(6, "6"), (14979, "14,979"), (3744.671, "3,745"), (39.2, "39.2"), (0.10001, "0.101"), (1000, "1,000"), (0, "0")],
)
def test_an_error_is_rounded_up(error: float, text: str) -> None:
    (line,) = shown.number_lines("sum", Fraction(7), {"error95": error}).values()
    assert line == f"about 7 (with privacy noise; in 19 of 20 releases off by at most {text})"


def test_a_rounded_number_is_shown_in_full_too() -> None:
    lines = shown.number_lines("mean", Fraction(12653, 6), {"error95": None})
    assert lines == {"mean": "about 2,108.83 (with privacy noise)", "drawn": "12653/6"}
    assert shown.number_lines("mean", Fraction(1, 3 * 10**9), {"error95": None})["drawn"] == "3.333333333e-10"


def test_the_error_of_a_quantile_is_in_ranks() -> None:
    lines = shown.number_lines("quantile", Fraction(2980), {"error95": 39.21, "error_in": "ranks"})
    assert lines == {
        "quantile": "about 2,980 (with privacy noise; in 19 of 20 releases at most 39.3 rows lie between it and the "
        "best possible answer)"
    }


def test_a_table_names_the_error_of_each_statistic() -> None:
    record = {"error95": {"count": 5.2, "mean": None, "sum": 4000.1}}
    assert shown.table_line(["count", "mean", "sum"], record) == (
        "Numbers with privacy noise: in 19 of 20 releases a count is off by at most 5.2, and a sum is off by at most "
        "4,001; the error of a mean depends on how many rows its group has."
    )
    assert shown.table_line(["mean"], record) == (
        "Numbers with privacy noise; the error of a mean depends on how many rows its group has."
    )


VERBS = {
    "Limit",
    *("Add", "Allow", "Also", "Ask", "Charge", "Choose", "Confirm", "Count", "Draw", "Elect", "Give", "Group", "Guess"),
    *("Keep", "Name", "Plan", "Print", "Promise", "Protect", "Put", "Read", "Record", "Refuse", "Round", "Say", "Set"),
    *("Show", "Split", "Stop", "Subtract", "Take", "Tell", "Use", "Write"),
}


@pytest.mark.parametrize("group", ["vote", "release"])
def test_options_begin_with_a_verb_and_examples_come_first(group: str) -> None:
    with click.Context(root) as context:
        commands = root.get_command(context, group)
    assert isinstance(commands, click.Group)
    with click.Context(commands) as context:
        found = [commands.get_command(context, name) for name in commands.list_commands(context)]
    assert len(found) >= 3
    for command in found:
        assert command is not None
        options = [param for param in command.params if isinstance(param, click.Option)]
        wrong = [option.name for option in options if (option.help or "").split()[0].strip(",") not in VERBS]
        assert wrong == [], command.name
        assert "Examples:" in (command.help or "").split("\n\n")[1]
        epsilon = next((option.help or "" for option in options if option.name == "epsilon"), None)
        assert epsilon is None or "smaller is safer and less accurate" in epsilon
