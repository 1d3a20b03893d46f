"""Numbers within bounds, as values of options: help and errors say the bounds in words."""

from __future__ import annotations

import math
from typing import Any

import click

from cli import words
from psiselect.base.threads import LONGEST_WAIT


class WholeNumber(click.IntRange):
    """A whole number from min to max, or of min or more."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(words.not_whole(value, self.min, self.max), param, ctx)

    def _describe_range(self) -> str:  # click shows this in help; its own is x>=1
        return words.bounds(self.min, self.max)


class Seconds(click.FloatRange):
    """How long something may take or wait: least or more seconds (above it with min_open), up to LONGEST_WAIT."""

    def __init__(self, least: float = 0, *, min_open: bool = False) -> None:
        super().__init__(least, LONGEST_WAIT, min_open=min_open)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            number = super().convert(value, param, ctx)
        except click.BadParameter:
            number = math.nan
        if math.isnan(number):  # is neither below nor above any bound
            self.fail(words.not_seconds(value, ("" if self.min_open else "from ") + self._describe_range()), param, ctx)
        return number

    def _describe_range(self) -> str:
        return words.above(self.min, self.max) if self.min_open else words.bounds(self.min, self.max)
