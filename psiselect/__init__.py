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
    from psi.identity.identity import Identity
    from psi.inputs.checking import Checked
    from psi.session.cost import CostEstimate
    from psiselect.base.errors import (
        BudgetError,
        CancelError,
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
    from psiselect.matching.answers import FileResult, MatchResult
    from psiselect.matching.beforehand import check, estimate, normalize
    from psiselect.matching.calls import connect, connect_async, listen, listen_async, match
    from psiselect.matching.calls_by_files import answer, finish, offer

    __version__: str

# Public name -> the module that has it; a module's own name stands for the module itself. Sorted by module.
_EXPORTS = {
    "Identity": "psi.identity.identity",
    "Checked": "psi.inputs.checking",
    "CostEstimate": "psi.session.cost",
    "BudgetError": "psiselect.base.errors",
    "CancelError": "psiselect.base.errors",
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
    "FileResult": "psiselect.matching.answers",
    "MatchResult": "psiselect.matching.answers",
    "answer": "psiselect.matching.calls_by_files",
    "check": "psiselect.matching.beforehand",
    "connect": "psiselect.matching.calls",
    "connect_async": "psiselect.matching.calls",
    "estimate": "psiselect.matching.beforehand",
    "finish": "psiselect.matching.calls_by_files",
    "listen": "psiselect.matching.calls",
    "listen_async": "psiselect.matching.calls",
    "match": "psiselect.matching.calls",
    "normalize": "psiselect.matching.beforehand",
    "offer": "psiselect.matching.calls_by_files",
}

__all__ = [
    "BudgetError",
    "CancelError",
    "Checked",
    "CostEstimate",
    "FileResult",
    "Identity",
    "InputError",
    "LocalError",
    "MatchResult",
    "MinimumError",
    "OutputError",
    "PolicyError",
    "PsiselectError",
    "RemoteError",
    "ResourceError",
    "TransportError",
    "UsageError",
    "__version__",
    "answer",
    "check",
    "connect",
    "connect_async",
    "estimate",
    "finish",
    "listen",
    "listen_async",
    "match",
    "normalize",
    "offer",
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
