"""Tools by name for what the toolkit does not ship, from `tools.toml`."""

from __future__ import annotations

import functools
import importlib.resources
import tomllib
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True)
class Tool:
    """One tool: its name, and what it asks for in one sentence."""

    name: str
    asks: str


@functools.cache
def _file() -> dict[str, Any]:
    return tomllib.loads(importlib.resources.files("cli.advisor").joinpath("tools.toml").read_text())


def written() -> date:
    """The day on which the list was written."""
    day: date = _file()["written"]
    return day


def tools_for(kind: str) -> tuple[Tool, ...]:
    """The tools for a kind of `elsewhere.KINDS`; empty where none is named."""
    return tuple(Tool(tool["name"], tool["asks"]) for tool in _file()["tool"] if kind in tool["for"])


def kinds() -> frozenset[str]:
    """Every kind that a tool is named for."""
    return frozenset(kind for tool in _file()["tool"] for kind in tool["for"])
