"""The exchange by files for `import psiselect`; see `psiselect.matching.calls`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from psi.agreement.modes import Side
from psiselect.arguments import known, path_of
from psiselect.matching import asked, exchanges
from psiselect.matching.answers import FileResult, MatchResult
from psiselect.matching.asked import IdentityLike, PathLike, PeerLike, Texts
from psiselect.matching.asked_engine import EXCHANGE, EngineKeywords, ExchangeKeywords, place
from psiselect.matching.public import Cancel, Silent, given_by, public, result, talk, terms_of
from psiselect.talk import Progress

_ALL = asked.names_of(ExchangeKeywords)
# What makes no sense in a file's half of an exchange; the side that offers learns, so noise protects the other's list.
_NOT_ANSWERED = ("output", "columns", "record", "timeout", "resume")
_NOT_OFFERED = (*_NOT_ANSWERED, "ledger", "dataset")


@public(ExchangeKeywords, "key", "identity", "peer", "out", "state")
def offer(
    table: Any,
    *,
    key: Texts,
    identity: IdentityLike,
    peer: PeerLike,
    out: PathLike,
    state: PathLike,
    directory: bool = False,
    session: Any = None,
    progress: Progress | None = None,
    cancel: Cancel = None,
    **options: Unpack[ExchangeKeywords],
) -> FileResult:
    """Begin an exchange of files, without a connection: write an offer for the peer to answer: `psiselect psi offer`.

    Args:
        out: the file to send to the peer; it is encrypted to the peer and signed.
        state: where to keep what is secret until the answer is here; `finish` needs it, and removes it.
        directory: write a directory of Parquet files, not one file. The peer can then answer with Spark.
        session: a session of Spark or Sail that runs, to do the work; see docs/spark.md. The table is then one of its
            DataFrames, a path or an address that it reads, or "table:NAME". `engine` starts one in its place.

    The rest, and what it raises, is as for `connect`.
    """
    known(options, [name for name in _ALL if name not in _NOT_OFFERED], "offer")
    parties = {"identity": asked.identity(identity, "identity"), "peers": asked.peers(peer, "peer")}
    given = given_by(Side.CONNECT, table, key, options, parties, among=EXCHANGE)
    files = place(out, "out"), path_of(state, "state")
    said = talk(progress, cancel), Silent(False)
    return FileResult.of(exchanges.offer(given, *files, *said, directory=directory, session=session))


@public(ExchangeKeywords, "key", "identity", "peer", "out")
def answer(
    offer: PathLike,
    table: Any,
    *,
    key: Texts,
    identity: IdentityLike,
    peer: PeerLike | Sequence[PeerLike],
    out: PathLike,
    state: PathLike | None = None,
    session: Any = None,
    progress: Progress | None = None,
    cancel: Cancel = None,
    **options: Unpack[ExchangeKeywords],
) -> FileResult:
    """Answer a peer's offer, once: `psiselect psi answer`. This side learns the size of the peer's list, and no more.

    Args:
        offer: the peer's file.
        out: the file to send back.
        state: where answered offers are remembered; beside the identity if it is not named.
        session: as for `offer`. The peer's offer is then a directory.

    The rest, and what it raises, is as for `connect`.
    """
    known(options, [name for name in _ALL if name not in _NOT_ANSWERED], "answer")
    parties = {"identity": asked.identity(identity, "identity"), "peers": asked.peers(peer, "peer")}
    given = given_by(Side.LISTEN, table, key, options, parties, among=EXCHANGE)
    files = place(offer, "offer"), place(out, "out"), None if state is None else path_of(state, "state")
    return FileResult.of(exchanges.answer(given, *files, talk(progress, cancel), Silent(False), session=session))


class FinishKeywords(asked.ReadingKeywords, EngineKeywords, total=False):
    """What is said of the result of an exchange by files. terms: the file of terms, to compare with the offer."""

    terms: PathLike
    output: PathLike
    columns: Texts
    record: PathLike


@public(FinishKeywords, "state")
def finish(
    answer: PathLike,
    *,
    state: PathLike,
    table: Any = None,
    identity: IdentityLike | None = None,
    peer: PeerLike | None = None,
    rows: bool = True,
    session: Any = None,
    progress: Progress | None = None,
    cancel: Cancel = None,
    **options: Unpack[FinishKeywords],
) -> MatchResult:
    """Read the peer's answer to an offer: the result: `psiselect psi finish`. Then the secret state is removed.

    Args:
        answer: the peer's file.
        state: what `offer` has kept.
        table: the table, as it was then; needed where it was in memory, else where it was for the offer.
        identity, peer: where they have moved since, or were objects.
        session: for an offer of an engine, a session that runs; else it is opened as it was for the offer. Rows go to
            `output` then, and not into memory.

    All else is as it was for the offer. The rest, and what it raises, is as for `connect`.
    """
    now: dict[str, Any] = {"output": None, "columns": None, "record": None, **asked.checked(options, EXCHANGE)}
    if table is not None:
        now["source"] = asked.source_of(table, now)
    if identity is not None:
        now["identity"] = asked.identity(identity, "identity")
    if peer is not None:
        now["peers"] = asked.peers(peer, "peer")
    files = place(answer, "answer"), path_of(state, "state")
    rows = rows and not exchanges.is_of_engine(files[1])
    speaker = Silent(rows and now["output"] is None)
    found, given = exchanges.finish(*files, now, talk(progress, cancel), speaker, terms_of(options), session=session)
    return result(found, given, rows)
