"""Sessions for `import psiselect`: functions over the same rooms as the `psi` commands.

Each raises errors of `psiselect.base.errors` and no others, whose messages name options as they are called here.
Nothing is printed; what there is to say goes to the logger `psiselect`. Nothing of the process is changed: no signal
handler, no folder, no umask. Several threads may call at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Unpack

from psi.agreement.modes import Side
from psi.transport.address import Address
from psiselect.matching import asked, both_here, network
from psiselect.matching import words_calls as words
from psiselect.matching.answers import MatchResult
from psiselect.matching.asked import IdentityLike, PeerLike, SessionKeywords, TermKeywords, Texts
from psiselect.matching.choices import Choices
from psiselect.matching.given import GivenOptions
from psiselect.matching.public import Cancel, given_by, in_thread, public, result, speaker, talk, terms_of
from psiselect.tables import HeldTable, table_of
from psiselect.talk import Progress


@public(SessionKeywords, "key", "identity", "peer")
def connect(
    address: str,
    table: Any,
    *,
    key: Texts,
    identity: IdentityLike,
    peer: PeerLike | Sequence[PeerLike],
    rows: bool = True,
    progress: Progress | None = None,
    cancel: Cancel = None,
    **options: Unpack[SessionKeywords],
) -> MatchResult:
    """Call a listening peer and match this table with its table: `psiselect psi connect`.

    Args:
        address: HOST:PORT of the listener, which may start a little later.
        table: a pandas, polars or pyarrow table, a duckdb relation, another object with `__arrow_c_stream__`, an
            iterable of record batches, or what the command reads: a path, or an address with `query=`.
        key: COLUMN or COLUMN:RULE, such as "email:email"; several in a list.
        identity: `psiselect.Identity`, or where it is.
        peer: the peer's certificate, by its .crt file; several in a list.
        rows: whether the matched rows are wanted in memory. With `output=` they are in that file instead.
        progress: called with the operations that are done, and with all of them (0 while unknown), by this thread.
        cancel: set it in another thread to end the session.
        options: the command's, under its names: docs/cli.md, `psi connect`.

    Raises:
        UsageError: arguments that make no sense, floats where exact numbers are needed.
        InputError: a table, certificate or file that cannot be read. OutputError: one that cannot be written; its
            `result` is what was found all the same.
        PolicyError: own policy or budget says no, or the result is withheld. RemoteError: the peer misbehaved, refused,
            or its terms differ. TransportError: the link failed. CancelError: `cancel` was set.
    """
    parties = {"identity": asked.identity(identity, "identity"), "peers": asked.peers(peer, "peer")}
    given = given_by(Side.CONNECT, table, key, options, parties)
    place = Address.parse(asked.text(address, "address"))
    if not place.port:
        raise words.port_zero()
    choices = Choices.of(Side.CONNECT, given, talk(progress, cancel), speaker(rows, given))
    return result(network.connect(choices, str(place)), given, rows)


@public(SessionKeywords, "key", "identity", "peer")
def listen(
    address: str | Sequence[str],
    table: Any,
    *,
    key: Texts,
    identity: IdentityLike | Sequence[IdentityLike],
    peer: PeerLike | Sequence[PeerLike],
    rows: bool = True,
    listening: Callable[[Sequence[str]], None] | None = None,
    progress: Progress | None = None,
    cancel: Cancel = None,
    **options: Unpack[SessionKeywords],
) -> MatchResult:
    """Wait for a peer and match this table with its table, once: `psiselect psi listen`.

    Whoever does not hold the certificate of a `peer` is turned away, and the wait goes on. By default the peer learns.

    Args:
        address: HOST:PORT to wait at, or several. HOST may be * for all addresses; port 0 picks one.
        identity: as for `connect`; a second one while peers change over to it.
        listening: called with the addresses, real ports included, as soon as peers can come.
        options: the command's, under its names: docs/cli.md, `psi listen`. `timeout` also ends the wait for a peer,
            which else has no end.

    The rest, and what it raises, is as for `connect`.
    """
    own, *more = asked.identities(identity, "identity")
    addresses = asked.texts(address, "address")
    if not addresses:
        raise words.none_named("address")
    for place in addresses:
        Address.parse(place, every=True)
    parties = {"identity": own, "more_identities": tuple(more), "peers": asked.peers(peer, "peer")}
    given = given_by(Side.LISTEN, table, key, options, parties)
    choices = Choices.of(Side.LISTEN, given, talk(progress, cancel, listening), speaker(rows, given))
    return result(network.listen(choices, addresses), given, rows)


@public(TermKeywords, "key")
def match(
    a: Any,
    b: Any,
    *,
    key: Texts,
    key_b: Texts | None = None,
    null_b: Texts | None = None,
    rows: bool = True,
    progress: Progress | None = None,
    cancel: Cancel = None,
    **options: Unpack[TermKeywords],
) -> MatchResult:
    """Match two tables that are both here, as a session would: `psiselect psi local`, to try and to test.

    A learns, and the rows are A's. Nothing is hidden from whoever runs this: it holds both tables.

    Args:
        a, b: tables as for `connect`.
        key_b: the keys in B, where its columns are called otherwise; as many as `key`.
        null_b: texts that stand for an empty cell in B, where they are others than in A.
        options: the command's, under its names: docs/cli.md, `psi local`. `query` and what is said about reading files
            is about both.

    The rest, and what it raises, is as for `connect`.
    """
    given = given_by(Side.CONNECT, a, key, options, {}, alone=True)
    said = asked.checked(options)
    other = asked.source_of(b, said, "table b")
    table_b = table_of(other.held, name=other.name) if isinstance(other, HeldTable) else _named(other, given)
    keys_b = () if key_b is None else asked.texts(key_b, "key_b")
    shared = terms_of(options)
    if keys_b and shared is not None:
        keys_b = shared.keys(keys_b, "--key-b")
    nulls_b = given.nulls if null_b is None else asked.texts(null_b, "null_b")
    there = both_here.Other(table_b, keys_b, nulls_b)
    return result(both_here.match(given, there, talk(progress, cancel), speaker(rows, given)), given, rows)


def _named(where: Path | str | None, given: GivenOptions) -> Any:
    return table_of(str(where), query=given.query, reading=given.reading)


connect_async = in_thread(connect)
listen_async = in_thread(listen)
