"""What is said of a list that was read, whoever has read it: this process, or an engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa

from psi.agreement.modes import Side
from psi.agreement.terms import Terms
from psi.inputs.items import Report
from psi.normalize import KeySpec


class NamedTable(Protocol):
    """Of a `psi.tables.Source` what results need."""

    @property
    def name(self) -> str: ...

    @property
    def schema(self) -> pa.Schema: ...


class ReadList(Protocol):
    """Of a `psi.session.job.Job` what results need."""

    @property
    def source(self) -> NamedTable: ...

    @property
    def keys(self) -> tuple[KeySpec, ...]: ...

    @property
    def side(self) -> Side: ...

    @property
    def terms(self) -> Terms: ...

    @property
    def reports(self) -> tuple[Report, ...]: ...

    @property
    def advice(self) -> Sequence[str | None]: ...

    @property
    def size(self) -> int: ...

    @property
    def disk_bytes(self) -> int: ...
