"""The front door: `import psiselect`.

Names are loaded when they are used (PEP 562), so that importing the package is quick and touches nothing. What each
does is in docs/python.md. Rooms of the front door, in files and folders of its own:

    tables      any table that a caller names or holds, as the rooms below read it
    exact       numbers that a guarantee depends on: text, whole numbers, fractions; no floats
    identities  who takes part, by file or as loaded
    charges     a release, and the budget that pays for it; what a budget is made of
    talk        how work speaks to whoever started it
    words       what people read from these modules, sizes and durations too; words_arguments: of wrong arguments
    matching    sessions of two parties
    arguments   what callers write, as the rooms below take it; results: what they get back; records: as JSON
    budgets     privacy budgets in files
    votes       elect and select; elections, selections: ballots and scores, one draw
    release     numbers about private rows; releases: what they are made of; cells: a column row by row
    poll        randomised responses, and shares from many of them; polling: what it is made of
    joint       mpc_sum; sums: numbers, terms, run and charge
    advice      advise; this room is above the command, whose rules it hands on
    ui          a page in the browser, above `advice`; `psiselect ui` opens it
    base        the ground floor, on which all packages stand

Rule: what is exported here is public, and stays. The command stands on these rooms; of them,
only `advice` and `ui` stand on the command.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psi.identity.identity import Identity
    from psi.inputs.checking import Checked
    from psi.session.cost import CostEstimate
    from psiselect import poll, release
    from psiselect.advice import Advice, advise
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
    from psiselect.budgets import Charged, Ledger
    from psiselect.joint import mpc_sum
    from psiselect.matching.answers import FileResult, MatchResult
    from psiselect.matching.beforehand import check, estimate, normalize
    from psiselect.matching.calls import connect, connect_async, listen, listen_async, match
    from psiselect.matching.calls_by_files import answer, finish, offer
    from psiselect.matching.calls_to_serve import serve
    from psiselect.matching.serving import ServiceEnd
    from psiselect.results import (
        Election,
        JointSum,
        PollResponse,
        PollShares,
        ReleasedCells,
        ReleasedFirst,
        ReleasedNumber,
        ReleasedTable,
        Selection,
    )
    from psiselect.votes import elect, select

    __version__: str

# Public name -> the module that has it; a module's own name stands for the module itself. Sorted by module.
_EXPORTS = {
    "Identity": "psi.identity.identity",
    "Checked": "psi.inputs.checking",
    "CostEstimate": "psi.session.cost",
    "Advice": "psiselect.advice",
    "advise": "psiselect.advice",
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
    "Charged": "psiselect.budgets",
    "Ledger": "psiselect.budgets",
    "mpc_sum": "psiselect.joint",
    "FileResult": "psiselect.matching.answers",
    "MatchResult": "psiselect.matching.answers",
    "check": "psiselect.matching.beforehand",
    "estimate": "psiselect.matching.beforehand",
    "normalize": "psiselect.matching.beforehand",
    "connect": "psiselect.matching.calls",
    "connect_async": "psiselect.matching.calls",
    "listen": "psiselect.matching.calls",
    "listen_async": "psiselect.matching.calls",
    "match": "psiselect.matching.calls",
    "answer": "psiselect.matching.calls_by_files",
    "finish": "psiselect.matching.calls_by_files",
    "offer": "psiselect.matching.calls_by_files",
    "serve": "psiselect.matching.calls_to_serve",
    "ServiceEnd": "psiselect.matching.serving",
    "poll": "psiselect.poll",
    "release": "psiselect.release",
    "Election": "psiselect.results",
    "JointSum": "psiselect.results",
    "PollResponse": "psiselect.results",
    "PollShares": "psiselect.results",
    "ReleasedCells": "psiselect.results",
    "ReleasedFirst": "psiselect.results",
    "ReleasedNumber": "psiselect.results",
    "ReleasedTable": "psiselect.results",
    "Selection": "psiselect.results",
    "elect": "psiselect.votes",
    "select": "psiselect.votes",
}

__all__ = [
    "Advice",
    "BudgetError",
    "CancelError",
    "Charged",
    "Checked",
    "CostEstimate",
    "Election",
    "FileResult",
    "Identity",
    "InputError",
    "JointSum",
    "Ledger",
    "LocalError",
    "MatchResult",
    "MinimumError",
    "OutputError",
    "PolicyError",
    "PollResponse",
    "PollShares",
    "PsiselectError",
    "ReleasedCells",
    "ReleasedFirst",
    "ReleasedNumber",
    "ReleasedTable",
    "RemoteError",
    "ResourceError",
    "Selection",
    "ServiceEnd",
    "TransportError",
    "UsageError",
    "__version__",
    "advise",
    "answer",
    "check",
    "connect",
    "connect_async",
    "elect",
    "estimate",
    "finish",
    "listen",
    "listen_async",
    "match",
    "mpc_sum",
    "normalize",
    "offer",
    "poll",
    "release",
    "select",
    "serve",
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
