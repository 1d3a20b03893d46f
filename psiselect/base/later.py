"""Modules that are loaded when something of them is used for the first time: what takes long to load, and most commands
never use.

    if TYPE_CHECKING:
        import phonenumbers
    else:
        phonenumbers = later.Module("phonenumbers")
"""

from __future__ import annotations

import importlib
from typing import Any


class Module:
    """Stands in for a module of this full name, until there is one and afterwards."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)
