"""This side of an exchange that an engine carries out: its session, its work directory, its list, what it brings."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from psi.agreement.terms import Terms
from psi.distributed import engines, failures, functions, own_list, parties, places, secret_files
from psi.distributed.functions import SALT_BYTES
from psi.distributed.own_list import EngineList, EngineSource
from psi.distributed.parties import Engine
from psi.distributed.places import EnginePlaces
from psi.identity.identity import PeerIdentity
from psi.inputs.items import no_key
from psi.offline import directory
from psi.offline import state as states
from psi.offline.envelope import FileKind, Reader
from psi.protocol.setup import Setup
from psi.session.job import usual_peer_size
from psi.tables.files import STANDARD_INPUT
from psiselect.base.entropy import Entropy, SystemEntropy
from psiselect.identities import load_identities, load_peer
from psiselect.matching import list_notes, words, words_exchanges
from psiselect.matching.choices import Choices
from psiselect.matching.engine_choice import EngineChoice
from psiselect.matching.given import GivenOptions
from psiselect.matching.own_side import Parties, load_parties
from psiselect.tables import HeldTable
from psiselect.talk import Talk

_NAME_BYTES = 8
_FRAMES = "pyspark.sql"


@dataclass(frozen=True)
class Bench:
    """A session that is open, with what it can reach. engine: the session with its work directory and secrets."""

    places: EnginePlaces
    name: str
    engine: Engine

    @property
    def session(self) -> Any:
        """Of the engine."""
        return self.places.session


@contextlib.contextmanager
def opened(engine: EngineChoice, new: str | None) -> Iterator[tuple[Any, EnginePlaces]]:
    """A session of the engine, and what it reaches. new: a place that must not be there yet."""
    with engines.opened(engine.address) as session:
        where = EnginePlaces(session, engine.address.here)
        if new is not None:
            where.require_new(new)
        yield session, where


@contextlib.contextmanager
def working(
    session: Any,
    where: EnginePlaces,
    engine: EngineChoice,
    work: str,
    choices: Choices,
    *,
    lasting: bool = True,
    offered: str | None = None,
) -> Iterator[Bench]:
    """A new work directory. lasting: whether it stays when all goes well."""
    if offered is not None and where.is_local(offered) and not Path(offered).is_dir():
        raise words_exchanges.work_is_gone(offered)
    where.make(work)
    try:
        secrets = engine.task_key or Path(work)
        yield Bench(where, engines.described(session, engine.address.kind), Engine(session, work, secrets, offered))
    except BaseException:
        where.remove(work, parties.work_names(choices.terms.lists))
        raise
    if not lasting:
        where.remove(work, parties.work_names(choices.terms.lists))


def workdir(engine: EngineChoice, usual: Path) -> str:
    """A new work directory: in the place that all machines share, or in `usual`, a folder, or else this name itself."""
    if engine.workdir is not None:
        return f"{engine.workdir.rstrip('/')}/psiselect-{random_name()}"
    return str(usual / f"psiselect-{random_name()}" if usual.is_dir() else usual)


def random_name() -> str:
    """Of a working folder."""
    return new_secret(_NAME_BYTES).hex()


def new_secret(size: int) -> bytes:
    """Random bytes."""
    return SystemEntropy().read(size)


@contextlib.contextmanager
def directory_for(where: EnginePlaces, out: str, terms: Terms) -> Iterator[None]:
    """Make a directory for the peer, which is gone again when an error ends the block."""
    where.make(out)
    try:
        yield
    except BaseException:
        where.remove(out, parties.column_names(terms.lists))
        raise


@contextlib.contextmanager
def stepping(engine: Engine, talk: Talk, own: EngineList, each: int) -> Iterator[Engine]:
    """The engine, with progress shown, which the caller may cancel between two steps. each: steps for each list."""
    total, done = each * len(own.keys), 0
    with talk.shown(own.size) as show:

        def step() -> None:
            nonlocal done
            talk.look()
            done += 1
            show(min(done, total), total)

        with failures.typed():
            yield replace(engine, step=step)


def gathered(bench: Bench, choices: Choices, given: GivenOptions) -> EngineList:
    """Gather the list, and say which rows were left out. Raises InputError, also when no row has a key."""
    talk = choices.talk
    talk.tell(words.read_by(bench.name))
    own = own_list.read(
        *(bench.session, _source(bench, given), choices.list.keys, choices.side, choices.terms, bench.engine.work),
        nulls=given.nulls,
        strict=given.strict,
        step=talk.look,
    )
    if not own.size and all(report.unreadable for report in own.reports):
        raise no_key(own.source, own.keys, own.advice)  # type: ignore[arg-type]
    list_notes.tell(own, talk)
    return own


def list_then(bench: Bench, choices: Choices, given: GivenOptions, *, wanted: bool) -> EngineList:
    """The list as it was gathered for the offer. wanted: whether its table is read once more, for its rows."""
    source = _source(bench, given) if wanted else EngineSource("the list", None, pa.schema([]))
    with failures.typed():
        frames = [bench.engine.own_list(number) for number in range(1, len(choices.list.keys) + 1)]
    own = EngineList(source, choices.list.keys, choices.side, choices.terms, frames)
    if wanted:
        choices.results.chosen.check(source)  # type: ignore[arg-type]
    return own


def require_same(bench: Bench, own: EngineList, nulls: tuple[str, ...]) -> None:
    """Raises InputError unless the list's table has the keys that it had for the offer."""
    engine = bench.engine
    states = [engine.state(number) for number in range(1, len(own.keys) + 1)]
    with secret_files.kept(engine.secrets, {"digest": new_secret(SALT_BYTES)}) as secrets:
        own_list.require_same(bench.session, own, states, engine.work, nulls, secrets)


def _source(bench: Bench, given: GivenOptions) -> EngineSource:
    """The table that the options name. Raises UsageError, InputError."""
    source = given.source
    if isinstance(source, HeldTable):
        frame = source.held
        if not type(frame).__module__.startswith(_FRAMES):
            raise words_exchanges.not_a_frame(source.name, type(frame).__name__)
        return EngineSource.of(source.name, frame)
    name = None if source is None else str(source)
    if name is None or name == STANDARD_INPUT:
        raise words_exchanges.no_list()
    place = bench.places.named(name)
    return EngineSource.of(name, places.source_of(bench.session, place, given.reading, bench.places))


def source_kept(given: GivenOptions, where: EnginePlaces) -> str | HeldTable | None:
    """The source as the state keeps it."""
    if given.source is None or isinstance(given.source, HeldTable):
        return given.source
    return where.named(str(given.source))


def require_admitted(choices: Choices, people: Parties, own: EngineList) -> None:
    """Whether the list that was read may be put in, with these peers. Raises PolicyError, InputError."""
    choices.guard.check(people.peers, own.size)
    choices.guard.prepare(people.peers, choices.talk.tell)


def setup_of(
    choices: Choices,
    people: Parties,
    peer: PeerIdentity,
    own: EngineList,
    entropy: Entropy,
    admit: Callable[[], None] | None = None,
) -> Setup:
    """What this side brings to the exchange; its tokens and columns are the engine's."""
    usual = usual_peer_size(choices.side, choices.terms, own.sizes)
    return Setup(
        side=choices.side,
        terms=choices.terms,
        sizes=own.sizes,
        tokens=_elsewhere,
        signer=people.identity,
        verifier=peer,
        backend=functions.backend(),
        stores=_elsewhere,
        entropy=entropy,
        max_peer_size=usual if people.max_peer_size is None else people.max_peer_size,
        now=int(time.time()),
        admit=admit or choices.guard.admission(peer, choices.terms),
        check_size=lambda size: choices.guard.check_peer_size(peer, size),
    )


def _elsewhere(*asked: object) -> Any:
    raise RuntimeError("the engine has the list")


def verified(where: EnginePlaces, place: str, kind: FileKind, choices: Choices) -> Reader:
    """The manifest of the peer's directory, whose form, parties and signature are found good. Raises InputError,
    RemoteError."""
    (identity,) = load_identities(choices.peers.identities, lambda note: None)  # it is loaded again later
    peers = [load_peer(peer) for peer in choices.peers.certificates]
    content = io.BytesIO(where.read_manifest(place))
    return Reader(content, f"{place}/{directory.MANIFEST}", kind, identity, peers)


def require_apart(
    choices: Choices, where: EnginePlaces, came: Mapping[str, str | None], written: Mapping[str, str | Path | None]
) -> None:
    """Raises UsageError when one file of this machine would be two things."""

    def local(named: Mapping[str, str | Path | None]) -> dict[str, Path | None]:
        return {option: Path(place) for option, place in named.items() if place and where.is_local(str(place))}

    choices.records.check({**choices.files, **local(came)}, local(written))


def forget(where: EnginePlaces, state: Path, work: str, terms: Terms) -> None:
    """The exchange is over: what is secret of it goes."""
    states.remove(state)
    where.remove(work, parties.work_names(terms.lists))


def shown_place(place: str, where: EnginePlaces) -> Path | str:
    return Path(place) if where.is_local(place) else place


def people_of(choices: Choices) -> Parties:
    named = choices.peers
    return load_parties(named.identities, named.certificates, named.max_size, choices.guard, choices.talk.tell)
