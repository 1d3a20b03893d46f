"""Addresses among options and arguments: read before anything else is, so that a slip costs no time."""

from __future__ import annotations

from typing import Any

import click

from cli.psi import words
from psi.transport.address import Address
from psiselect.base.errors import UsageError


class AddressText(click.ParamType[str]):
    """HOST:PORT as text that `Address.parse` takes.

    to_call: a port of 0 is refused. A listener gets a free one then, and may be at `*`, which is every address.
    """

    name = "HOST:PORT"

    def __init__(self, *, to_call: bool) -> None:
        self._to_call = to_call

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The same text. Fails as a usage error."""
        try:
            found = Address.parse(value, every=not self._to_call)
        except UsageError as error:
            self.fail(str(error), param, ctx)
        if self._to_call and not found.port:
            self.fail(words.port_zero(value), param, ctx)
        return str(found)
