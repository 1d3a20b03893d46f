"""Numbers within bounds, as values of options: help and errors say the bounds in words."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from cli._numbers import Seconds, WholeNumber

TYPES: dict[str, click.ParamType[float]] = {
    "1 or more": WholeNumber(1),
    "1 to 9": WholeNumber(1, 9),
    "64 to 4096": WholeNumber(64, 4096),
    "1 to 1,099,511,627,776": WholeNumber(1, 1 << 40),
    "above 0, up to 1,000,000": Seconds(min_open=True),
    "0 to 1,000,000": Seconds(),
    "1 to 1,000,000": Seconds(1),
}


def call(kind: click.ParamType[float], *words: str) -> tuple[int, str]:
    @click.command()
    @click.option("--n", type=kind, help="Take N.")
    def command(n: float) -> None:
        click.echo(f"{n}")

    done = CliRunner().invoke(command, words)
    return done.exit_code, done.output


@pytest.mark.parametrize("bounds", TYPES)
def test_help_says_the_bounds_in_words(bounds: str) -> None:
    code, text = call(TYPES[bounds], "--help")
    assert code == 0
    assert f"[{bounds}]" in " ".join(text.split())


@pytest.mark.parametrize(
    ("bounds", "value", "said"),
    [
        ("1 or more", "0", "'0' is not a whole number of 1 or more."),
        ("1 or more", "1.5", "'1.5' is not a whole number of 1 or more."),
        ("1 or more", "many", "'many' is not a whole number of 1 or more."),
        ("1 to 9", "0", "'0' is not a whole number from 1 to 9."),
        ("1 to 9", "10", "'10' is not a whole number from 1 to 9."),
        ("above 0, up to 1,000,000", "0", "'0' is not a number of seconds above 0, up to 1,000,000."),
        ("above 0, up to 1,000,000", "nan", "'nan' is not a number of seconds above 0, up to 1,000,000."),
        ("0 to 1,000,000", "nan", "'nan' is not a number of seconds from 0 to 1,000,000."),
        ("0 to 1,000,000", "-0.5", "'-0.5' is not a number of seconds from 0 to 1,000,000."),
        ("1 to 1,000,000", "1000000.5", "'1000000.5' is not a number of seconds from 1 to 1,000,000."),
        ("1 to 1,000,000", "inf", "'inf' is not a number of seconds from 1 to 1,000,000."),
    ],
)
def test_an_error_says_them_too(bounds: str, value: str, said: str) -> None:
    code, text = call(TYPES[bounds], "--n", value)
    assert (code, text.splitlines()[-1]) == (2, f"Error: Invalid value for '--n': {said}")


@pytest.mark.parametrize(
    ("bounds", "value", "taken"),
    [
        ("1 or more", "1", "1"),
        ("1 to 9", "9", "9"),
        ("above 0, up to 1,000,000", "0.001", "0.001"),
        ("0 to 1,000,000", "0", "0.0"),
        ("1 to 1,000,000", "1e6", "1000000.0"),
    ],
)
def test_the_bounds_themselves_are_taken(bounds: str, value: str, taken: str) -> None:
    assert call(TYPES[bounds], "--n", value) == (0, f"{taken}\n")
