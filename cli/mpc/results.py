"""What a secure sum has found: written where it belongs, and said."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from cli._ledger import writing
from cli._output import print_fields, print_json, print_table, say
from cli.mpc import words
from cli.mpc.options import Values
from dpselect.decimals import plain
from mpc.multiples import Multiples
from mpc.terms import Function
from psi.tables.writing import write_batches
from psiselect.base import atomic
from psiselect.base.errors import InputError, OutputError
from psiselect.base.words import human_bytes
from psiselect.records import json_text
from psiselect.sums.linear import Summed

# More rows are no help on a screen, and each takes half a millisecond to lay out.
SHOWN_ROWS = 100

_ENDINGS = (".csv", ".json")


@dataclass(frozen=True, slots=True)
class Output:
    """Where results go. file: for all numbers, .csv or .json, None for the screen only."""

    file: Path | None
    as_json: bool

    def check(self, values: Values) -> None:
        """Refuse, before there are links, a file that could not be written. Raises InputError, UsageError."""
        file = self.file
        if file is None:
            return
        if file.suffix.lower() not in _ENDINGS:
            raise words.unknown_ending(file, _ENDINGS)
        if file.is_dir():
            raise words.is_a_folder(file)
        if not file.parent.is_dir():
            raise words.no_folder(file)
        if not os.access(file.parent, os.W_OK | os.X_OK):
            raise words.folder_refuses(file)
        read = None if values.table is None else values.table.file
        if read is not None and read.exists() and file.exists() and file.samefile(read):
            raise words.output_is_input(file)

    def give(self, found: Summed) -> None:
        """Write the file, then say what was found. Where the file cannot be written, the numbers are printed in its
        place and InputError is raised: they cannot be had again without all parties."""
        function, inputs, run = found.plan.terms.function, len(found.roster.inputting), found.run
        results = found.results
        for name in run.unconfirmed:
            say(words.unconfirmed(name))

        failed = None
        if self.file is not None:
            try:
                _write(self.file, function, results, found.to_json)
            except (InputError, OSError) as error:
                failed = error
        written = None if failed is not None else self.file
        with writing(charged=found.charge is not None, kept=written):
            if self.as_json or failed is not None:
                print_json(found.to_json() | ({} if written is None else {"output": written}))
            else:
                _print(function, results, inputs, self.file)
        if not self.as_json and failed is None:
            if self.file is None and len(results) > SHOWN_ROWS:
                say(words.more_numbers(len(results) - SHOWN_ROWS))
            say(words.cost(run.seconds, human_bytes(run.bytes_sent), human_bytes(run.bytes_received)))
        if failed is not None:
            reason = failed.reason if isinstance(failed, OutputError) else getattr(failed, "strerror", failed)
            raise words.result_printed(self.file, reason)


def _print(function: Function, results: Multiples, inputs: int, file: Path | None) -> None:
    written = {} if file is None else {"written to": file}
    if len(results) == 1:
        print_fields({function.value: plain(results[0]), "parties": inputs, **written})
        return
    if file is None:
        print_table(("number", function.value), list(enumerate(results[:SHOWN_ROWS].texts(), 1)))
        return
    print_fields({"numbers": f"{len(results):,}", "parties": inputs, **written})


def _write(file: Path, function: Function, results: Multiples, record: Callable[[], dict[str, object]]) -> None:
    """All numbers, whole or not at all; a new file is for its owner only."""
    if file.suffix.lower() == ".json":
        with atomic.replacing(file, guarded=True) as part:
            part.write_text(json_text(record()) + "\n", encoding="utf-8")
        return
    schema = pa.schema([("number", pa.int64()), (function.value, pa.large_string())])
    write_batches(file, schema, ",", _batches(results, schema), guarded=True)


def _batches(results: Multiples, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    places = pa.array(range(1, len(results) + 1), pa.int64())
    yield pa.RecordBatch.from_arrays([places, pa.array(results.texts(), pa.large_string())], schema=schema)
