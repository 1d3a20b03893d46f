"""The exchange by files for `import psiselect`; see `psiselect.matching.calls`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from psi.agreement.modes import Side
from psiselect.arguments import known, path_of
from psiselect.matching import asked, by_files
from psiselect.matching.answers import FileResult, MatchResult
from psiselect.matching.asked import IdentityLike, PathLike, PeerLike, SessionKeywords, Texts
from psiselect.matching.public import Cancel, Silent, given_by, public, result, talk, terms_of
from psiselect.talk import Progress

_ALL = asked.names_of(SessionKeywords)
# What makes no sense in a file's half of an exchange; the side that offers learns, so noise protects the other's list.
_NOT_ANSWERED = ("output", "columns", "record", "timeout", "resume")
_NOT_OFFERED = (*_NOT_ANSWERED, "ledger", "dataset")


@public(SessionKeywords, "key", "identity", "peer", "out", "state")
def offer(
    table: Any,
    *,
    key: Texts,
    identity: IdentityLike,
    peer: PeerLike,
    out: PathLike,
    state: PathLike,
    directory: bool = False,
    progress: Progress | None = None,
    cancel: Cancel = None,
    **options: Unpack[SessionKeywords],
) -> FileResult:
    """Begin an exchange by files: write an offer for the peer to answer: `psiselect psi offer`.

    Args:
        out: the file to send to the peer; it is encrypted to the peer and signed.
        state: where to keep what is secret until the answer is here; `finish` needs it, and removes it.
        directory: write a directory of Parquet files, not one file. The peer can then answer with Spark.

    The rest, and what it raises, is as for `connect`.
    """
    known(options, [name for name in _ALL if name not in _NOT_OFFERED], "offer")
    parties = {"identity": asked.identity(identity, "identity"), "peers": asked.peers(peer, "peer")}
    given = given_by(Side.CONNECT, table, key, options, parties)
    files = path_of(out, "out"), path_of(state, "state")
    return FileResult.of(by_files.offer(given, *files, talk(progress, cancel), Silent(False), directory=directory))


@public(SessionKeywords, "key", "identity", "peer", "out")
def answer(
    offer: PathLike,
    table: Any,
    *,
    key: Texts,
    identity: IdentityLike,
    peer: PeerLike | Sequence[PeerLike],
    out: PathLike,
    state: PathLike | None = None,
    progress: Progress | None = None,
    cancel: Cancel = None,
    **options: Unpack[SessionKeywords],
) -> FileResult:
    """Answer a peer's offer, once: `psiselect psi answer`. This side learns the size of the peer's list, and no more.

    Args:
        offer: the peer's file.
        out: the file to send back.
        state: where answered offers are remembered; beside the identity if it is not named.

    The rest, and what it raises, is as for `connect`.
    """
    known(options, [name for name in _ALL if name not in _NOT_ANSWERED], "answer")
    parties = {"identity": asked.identity(identity, "identity"), "peers": asked.peers(peer, "peer")}
    given = given_by(Side.LISTEN, table, key, options, parties)
    files = path_of(offer, "offer"), path_of(out, "out"), None if state is None else path_of(state, "state")
    return FileResult.of(by_files.answer(given, *files, talk(progress, cancel), Silent(False)))


class FinishKeywords(asked.ReadingKeywords, total=False):
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

    All else is as it was for the offer. The rest, and what it raises, is as for `connect`.
    """
    now: dict[str, Any] = {"output": None, "columns": None, "record": None, **asked.checked(options)}
    if table is not None:
        now["source"] = asked.source_of(table, now)
    if identity is not None:
        now["identity"] = asked.identity(identity, "identity")
    if peer is not None:
        now["peers"] = asked.peers(peer, "peer")
    speaker = Silent(rows and now["output"] is None)
    files = path_of(answer, "answer"), path_of(state, "state")
    found, given = by_files.finish(*files, now, talk(progress, cancel), speaker, terms_of(options))
    return result(found, given, rows)
