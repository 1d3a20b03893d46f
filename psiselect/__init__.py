"""The front door: `import psiselect`.

Names are loaded when they are used (PEP 562), so that importing the package is quick and touches nothing. What each
does is in docs/python.md. Rooms of the front door, in files and folders of its own:

    tables      any table that a caller names or holds, as the rooms below read it
    exact       numbers that a guarantee depends on: text, whole numbers, fractions; no floats
    identities  who takes part, by file or as loaded
    charges     a release, and the budget that pays for it
    talk        how work speaks to whoever started it; words: sizes and durations for people
    matching    sessions of two parties
    base        the ground floor, on which all packages stand

Rule: what is exported here is public, and stays. The command stands on these rooms, and none of them on the command.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psiselect.base.errors import (
        BudgetError,
        InputError,
        LocalError,
        MinimumError,
        OutputError,
        PolicyError,
        PsiselectError,
        RemoteError,
        ResourceError,
        TransportError,
        UsageError,
    )

    __version__: str

# Public name -> the module that has it; a module's own name stands for the module itself. Sorted by module.
_EXPORTS = {
    "BudgetError": "psiselect.base.errors",
    "InputError": "psiselect.base.errors",
    "LocalError": "psiselect.base.errors",
    "MinimumError": "psiselect.base.errors",
    "OutputError": "psiselect.base.errors",
    "PolicyError": "psiselect.base.errors",
    "PsiselectError": "psiselect.base.errors",
    "RemoteError": "psiselect.base.errors",
    "ResourceError": "psiselect.base.errors",
    "TransportError": "psiselect.base.errors",
    "UsageError": "psiselect.base.errors",
}

__all__ = [
    "BudgetError",
    "InputError",
    "LocalError",
    "MinimumError",
    "OutputError",
    "PolicyError",
    "PsiselectError",
    "RemoteError",
    "ResourceError",
    "TransportError",
    "UsageError",
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Load a public name. Raises AttributeError for any other."""
    if name == "__version__":
        from importlib.metadata import version

        found: Any = version("psiselect")
    elif name in _EXPORTS:
        module = importlib.import_module(_EXPORTS[name])
        found = module if module.__name__ == f"{__name__}.{name}" else getattr(module, name)
    else:
        raise AttributeError(f"module 'psiselect' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
