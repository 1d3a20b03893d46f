"""What can be known before a session, for `import psiselect`; see `psiselect.matching.calls`."""

from __future__ import annotations

import contextlib
from typing import Any, Unpack

import pyarrow as pa

from psi.agreement.modes import Comparer, Reveal, SessionProtocol
from psi.agreement.terms import MAX_KEYS
from psi.group.curve25519.backend import load_backend
from psi.inputs import checking
from psi.inputs.checking import Checked
from psi.normalize import parse_key
from psi.session.cost import CostEstimate
from psi.tables import text_column
from psiselect.arguments import as_arguments
from psiselect.base.errors import PsiselectError
from psiselect.matching import asked
from psiselect.matching import words_calls as words
from psiselect.matching.asked import EstimateKeywords, PathLike, Texts
from psiselect.matching.choices import memory
from psiselect.matching.prediction import Question, predict
from psiselect.matching.prediction import check as check_question
from psiselect.matching.public import public
from psiselect.talk import Talk


@public(EstimateKeywords)
def estimate(own: int, peer: int, **options: Unpack[EstimateKeywords]) -> CostEstimate:
    """Predict seconds, bytes and disk of a session, from a measurement made here and now: `psiselect psi estimate`.

    Args:
        own, peer: distinct keys of each side.
        options: the command's, under its names: docs/cli.md, `psi estimate`.

    Raises UsageError.
    """
    said = {name: asked.ESTIMATE[name](value, name) for name, value in options.items() if value is not None}
    backend, threads = said.pop("backend", "auto"), said.pop("threads", None)
    if "reveal" in said:
        said["reveal"] = Reveal(said["reveal"])
    if "protocol" in said:
        said["protocol"] = SessionProtocol(said["protocol"])
    if "min_matches_by" in said:
        said["min_matches_by"] = Comparer(said["min_matches_by"])
    question = Question(own=asked.whole(0)(own, "own"), peer=asked.whole(0)(peer, "peer"), **said)
    check_question(question)
    with contextlib.closing(load_backend(backend, threads, Talk().slower)) as opened:
        return predict(question, opened, threads).cost


class CheckKeywords(asked.ReadingKeywords, total=False):
    """What a check takes beside the table and its keys."""

    null: Texts
    workdir: PathLike
    memory_limit: int | str


@public(CheckKeywords, "key")
def check(table: Any, *, key: Texts, **options: Unpack[CheckKeywords]) -> Checked:
    """What a session would make of a table, without a peer: `psiselect psi check`.

    Returns for each key how many rows have it, how many are blank, repeated or unreadable, and why; and the digest of
    its rule, to compare with the peer's. It holds numbers of rows, and no value.

    Raises UsageError, InputError.
    """
    given = asked.given(table, key, options)
    keys = tuple(map(parse_key, given.keys))
    if not 1 <= len(keys) <= MAX_KEYS:
        raise words.number_of_keys(len(keys), MAX_KEYS)
    room = memory(given.memory_limit, given.workdir)
    source = given.table.open(room.folder)
    return checking.check(source, keys, nulls=given.nulls, folder=room.folder, memory_limit=room.half)


def normalize(values: Any, rule: str = "raw") -> Any:
    """The canonical values of a column: what both sides compare.

    values: a pandas or polars series, an Arrow array, or a list of texts and None. rule: as in a key, such as "email"
    or "phone,region=PL". Returns the same kind of series, else a `pyarrow.Array` of text; None stands for what is blank
    or unreadable, and `check` says why.

    Raises UsageError for an unknown rule, and for values that are no text.
    """
    try:
        spec = parse_key(f"column:{asked.text(rule, 'rule')}")
        if len(spec.columns) != 1:
            raise words.one_rule()
        return _as_it_came(values, spec.apply([_text_of(values, spec)]).values)
    except PsiselectError as error:
        error.args = (as_arguments(str(error).replace("--key column:", "rule ")),)
        raise


def _text_of(values: Any, spec: Any) -> pa.Array:
    try:
        column = pa.chunked_array(values) if hasattr(values, "__arrow_c_stream__") else pa.array(values)
    except (pa.ArrowException, TypeError, ValueError):
        raise words.not_values() from None
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    (rule,) = spec.rules
    return text_column(whole, "values", "the column", local_time=rule.local_time, digests=rule.digests)


def _as_it_came(values: Any, found: pa.Array) -> Any:
    kind = type(values).__module__.split(".")[0]
    if kind == "pandas":
        return type(values)(found.to_pandas().to_numpy(), index=values.index, name=values.name, dtype="str")
    if kind == "polars":
        return type(values)(values.name, found)
    return found
