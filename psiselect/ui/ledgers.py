"""Privacy budgets in the page's own folder, and in files that a form has sent."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from psiselect.base.errors import InputError
from psiselect.budgets import Ledger
from psiselect.ui.uploads import Upload


def ledger_at(path: Path) -> Ledger | None:
    """The budget in this file, None where there is no file. Raises InputError."""
    return Ledger.open(path) if path.exists() else None


def new_ledger(path: Path, dataset: str, epsilon: str, neighbors: str) -> Ledger:
    """Make the budget of a data set, or open the one that another window has made meanwhile. Raises UsageError,
    InputError."""
    try:
        return Ledger.create(path, neighbors=neighbors, epsilon=epsilon, datasets=[dataset])
    except InputError:
        if not path.exists():
            raise
        return Ledger.open(path)


@contextlib.contextmanager
def sent_ledger(upload: Upload) -> Iterator[Ledger]:
    """The budget in a file that a form has sent: a copy of it, 0600, for as long as the block lasts. Raises
    InputError."""
    with tempfile.TemporaryDirectory(prefix="psiselect-ui-") as private:  # a database needs a name
        copy = Path(private) / "sent.ledger"
        shutil.copyfile(upload.path, copy)
        yield Ledger.open(copy)
