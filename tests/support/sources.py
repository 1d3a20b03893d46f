"""Tables as rows, and what is said of those that cannot be read."""

from __future__ import annotations

import pytest

from psi.tables import Source, open_source
from psiselect.base.errors import PsiselectError


def rows(source: Source, columns: list[str] | None = None) -> list[dict[str, object]]:
    return [row for batch in source.batches(columns) for row in batch.to_pylist()]


def refusal(where: str, query: str | None) -> PsiselectError:
    with pytest.raises(PsiselectError) as caught:
        rows(open_source(where, query=query))
    return caught.value
