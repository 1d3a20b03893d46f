"""`psiselect psi offer | answer | finish`: the same exchange by files, for parties that cannot open a port."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import click

from cli._output import human_bytes, human_seconds, json_option, print_fields, print_json, progress
from cli.psi import options
from cli.psi.options import Choices
from cli.psi.session import input_of, open_backend, prepared, report
from cli.psi.table import TableName
from psi.agreement.outcomes import Matching, Outcome, Side
from psi.group.curve25519.backend import Backend
from psi.identity.identity import Identity, PeerIdentity
from psi.offline import exchange
from psi.offline import state as states
from psi.offline.answered import AnsweredOffers
from psi.offline.envelope import NO_FILE, Kind, Reader, Writer
from psi.offline.state import OfferState
from psi.protocol.party import Setup
from psi.session.job import Job
from psi.session.session import SessionResult
from psiselect.base import atomic, durable
from psiselect.base.entropy import Entropy, SystemEntropy
from psiselect.base.errors import InputError, RemoteError, UsageError
from psiselect.base.seeded import SEED_BYTES, SeededEntropy

_PATH = click.Path(path_type=Path)
_Command = TypeVar("_Command", bound=click.Command)
# Options of a session that come with the answer only, or make no sense without a link.
_NOT_HERE = {"output": None, "record": None, "timeout": None}


def _without_a_link(command: _Command) -> _Command:
    command.params = [param for param in command.params if param.name not in _NOT_HERE]
    return command


@_without_a_link
@click.command("offer")
@options.session_options(Side.CONNECT)
@click.option("--out", required=True, type=_PATH, metavar="OFFER", help="The file to send to the peer.")
@click.option(
    "--state", required=True, type=_PATH, metavar="FILE", help="Where to keep what is secret until the answer is here."
)
def offer(out: Path, state: Path, **given: Any) -> None:
    """Begin an exchange by files: write an offer for the peer to answer. The side that offers is the one that learns.

    Send OFFER by mail, as an attachment, or any other way: it is encrypted to the peer and signed. Keep FILE: `psi
    finish` needs it, and removes it.

    \b
    Examples:
      psiselect psi offer --identity keys/globex --peer acme.crt --input members.parquet \\
          --key mail:email --out offer.psi --state offer.state
    """
    choices = _parse(Side.CONNECT, given)
    if len(choices.peers) != 1:
        raise UsageError("an offer is for one peer: name one --peer, and make an offer for each", term="peer")
    _require_apart(choices, {"--out": out, "--state": state})
    states.require_new(state)
    with prepared(choices) as (identity, (peer,), job), open_backend(choices) as backend:
        seed = SystemEntropy().read(SEED_BYTES)
        setup = _setup(choices, job, identity, peer, backend, SeededEntropy(seed))
        setup = replace(setup, admit=choices.guard.admission(peer, choices.agreement))

        def make() -> SessionResult:
            started = time.monotonic()
            with (
                states.reserved(state),
                _writing(out, Kind.OFFER, identity, peer, NO_FILE) as (writer, _),
                _shown() as shown,
            ):
                contents = exchange.offer(setup, writer.send, shown)
                kept = OfferState(
                    seed=seed,
                    offer=writer.finish(),
                    contents=contents,
                    own=identity.fingerprint,
                    peer=peer.fingerprint,
                    time=setup.now,
                    size=writer.size,
                    options=_plain({**given, "memory_limit": choices.memory.limit}),
                )
                kept.save(state)
            declared = setup.terms.declared_size(setup.size)
            return SessionResult(Outcome(), declared, 0, b"", {}, {}, time.monotonic() - started, writer.size, 0)

        result = choices.papers.keep(setup, identity, peer, make, "offered")
        _say_written(
            choices,
            {
                "offer": out,
                "state": state,
                "reveal": choices.agreement.reveal.value,
                "own_size": result.own_size,
                "seconds": round(result.seconds, 3),
                "bytes_sent": result.bytes_sent,
                "peer_fingerprint": peer.fingerprint,
                "backend": backend.name,
                "disk_bytes": job.disk_bytes,
                "input": input_of(job),
            },
            {
                "own list": f"{job.size:,} {_unit(choices)} in {job.reports[0].rows:,} rows",
                "for the peer": f"{out}, {human_bytes(result.bytes_sent)}: send it to {peer.name}",
                "secret": f"{state}: keep it; `psi finish` needs it, and removes it",
                "time": human_seconds(result.seconds),
            },
        )


@_without_a_link
@click.command("answer")
@click.argument("offer", metavar="OFFER", type=_PATH)
@options.session_options(Side.LISTEN)
@click.option("--out", required=True, type=_PATH, metavar="ANSWER", help="The file to send back.")
@click.option(
    "--state",
    type=_PATH,
    metavar="FILE",
    help="Where I remember which offers were answered [default: beside the identity, NAME.answered].",
)
def answer(offer: Path, out: Path, state: Path | None, **given: Any) -> None:
    """Answer a peer's offer. The side that answers learns the size of the peer's list, and nothing else.

    All terms must be those of the offer. An offer is answered once: from two answers the peer would see what changed
    in the list between them.

    \b
    Examples:
      psiselect psi answer offer.psi --identity keys/acme --peer globex.crt --input customers.csv \\
          --key email:email --out answer.psi
    """
    choices = _parse(Side.LISTEN, given)
    _require_apart(choices, {"OFFER": offer, "--out": out, "--state": state})
    with _opened(offer, Kind.OFFER, choices) as reader:
        answered = AnsweredOffers(state or Path(f"{reader.own.certificate_path.with_suffix('')}.answered"))
        answered.check(reader.id)
        with prepared(choices) as (identity, _, job), open_backend(choices) as backend:
            peer = reader.author
            setup = _setup(choices, job, identity, peer, backend, SystemEntropy())
            setup = replace(setup, admit=choices.guard.admission(peer, choices.agreement))

            def make() -> SessionResult:
                started = time.monotonic()
                with _writing(out, Kind.ANSWER, identity, peer, reader.id) as (writer, file), _shown() as shown:
                    made = exchange.answer(setup, reader.id, reader.frames(), writer.send, shown)
                    writer.finish()
                    durable.sync_file(file)  # between the entry and the answer's appearance there is next to nothing
                    answered.add(reader.id, datetime.now(UTC))
                return made.as_session(time.monotonic() - started, writer.size, reader.size)

            result = choices.papers.keep(setup, identity, peer, make, "answered")
            _say_written(
                choices,
                {
                    "answer": out,
                    "reveal": choices.agreement.reveal.value,
                    "learn": choices.learn,
                    "own_size": result.own_size,
                    "peer_size": result.peer_size,
                    "matches": None,
                    "seconds": round(result.seconds, 3),
                    "bytes_sent": result.bytes_sent,
                    "bytes_received": result.bytes_received,
                    "peer_fingerprint": peer.fingerprint,
                    "transcript": result.transcript,
                    "backend": backend.name,
                    "disk_bytes": job.disk_bytes,
                    "input": input_of(job),
                },
                {
                    "own list": f"{job.size:,} {_unit(choices)} in {job.reports[0].rows:,} rows",
                    "peer's list": f"{result.peer_size:,} {_unit(choices)}" + _padded(choices),
                    "for the peer": f"{out}, {human_bytes(result.bytes_sent)}: send it back to {peer.name}",
                    "time": human_seconds(result.seconds),
                    "transcript": result.transcript[:16].hex() + "... (the same on both sides)",
                },
            )


@click.command("finish")
@click.argument("answer", metavar="ANSWER", type=_PATH)
@click.option("--state", required=True, type=_PATH, metavar="FILE", help="The state that `psi offer` has kept.")
@click.option(
    "--input", "source", type=TableName(), metavar="FILE", help="The list [default: where it was for the offer]."
)
@click.option("--identity", type=_PATH, metavar="DIR/NAME", help="My identity [default: where it was for the offer].")
@click.option("--output", type=_PATH, help="Write my matched rows here: .csv or .parquet.")
@click.option("--record", type=_PATH, metavar="FILE", help="Write the exchange's record here, signed by both (JSON).")
@json_option
def finish(answer: Path, state: Path, as_json: bool, output: Path | None, record: Path | None, **moved: Any) -> None:
    """Read the peer's answer to my offer: the result. Then the secret state is removed.

    All options are those of the offer, and the list must be as it was then.

    \b
    Examples:
      psiselect psi finish answer.psi --state offer.state --output common.csv
    """
    kept = OfferState.load(state)
    here = {name: path for name, path in moved.items() if path is not None}
    choices = _parse_kept(kept, state, {**here, "output": output, "record": record, "as_json": as_json})
    _require_apart(choices, {"ANSWER": answer, "--state": state, "--output": output})
    with _opened(answer, Kind.ANSWER, choices) as reader:
        if (reader.own.fingerprint, reader.author.fingerprint) != (kept.own, kept.peer):
            raise InputError(f"{state} is of an offer between other identities; name those that it was made with")
        if reader.previous != kept.offer:
            raise RemoteError(f"{answer} answers another offer than that of {state}", term="offer")
        with prepared(choices) as (identity, (peer,), job), open_backend(choices) as backend:
            setup = _setup(choices, job, identity, peer, backend, SeededEntropy(kept.seed))
            setup = replace(setup, now=kept.time, admit=_size_admission(choices, peer))

            def run() -> SessionResult:
                started = time.monotonic()
                with _shown() as shown:
                    found = exchange.finish(setup, kept.offer, kept.contents, reader.frames(), shown)
                return found.as_session(time.monotonic() - started, kept.size, reader.size)

            result = choices.papers.keep(setup, identity, peer, run)
            if result.outcome.withheld:
                states.remove(state)
            report(choices, job, result, backend, peer)
    states.remove(state)  # all that was asked for is written by now


def _parse(side: Side, given: dict[str, Any]) -> Choices:
    """Raises UsageError for what files cannot carry out."""
    choices = Choices.parse(side, {**_NOT_HERE, **given})
    exchange.require_offline(choices.agreement.terms(()))
    return choices


def _parse_kept(kept: OfferState, state: Path, more: dict[str, Any]) -> Choices:
    """An offer's options once more. Raises InputError when they are not those of this version's `psi offer`."""
    here = {param.name for param in offer.params} - {"as_json", "out", "state"}
    try:
        if kept.options.keys() != here:
            raise ValueError
        return _parse(Side.CONNECT, {**{name: _revived(value) for name, value in kept.options.items()}, **more})
    except (AttributeError, KeyError, TypeError, ValueError):
        raise InputError(f"{state} was made by another version of this program; finish with that one") from None


def _require_apart(choices: Choices, files: dict[str, Path | None]) -> None:
    """Raises UsageError when one file would be two things."""
    named = [choices.source.file, *files.values()]
    choices.papers.check(*named)
    seen = set() if choices.source.file is None else {choices.source.file.absolute()}
    for option, path in files.items():
        if path is None:
            continue
        if path.absolute() in seen:
            raise UsageError(f"{option} {path} is named twice in this command; give each file a name of its own")
        seen.add(path.absolute())


def _setup(
    choices: Choices, job: Job, identity: Identity, peer: PeerIdentity, backend: Backend, entropy: Entropy
) -> Setup:
    return job.setup(choices.side, choices.agreement, choices.limits, identity, peer, backend, entropy)


def _size_admission(choices: Choices, peer: PeerIdentity) -> Callable[[int], None]:
    """What is left to ask the policy at the end: the run was counted, and paid for, when it was offered."""
    policy = choices.guard.policy
    return lambda size: None if policy is None else policy.check_peer_size(peer.fingerprint, size)


@contextlib.contextmanager
def _opened(path: Path, kind: Kind, choices: Choices) -> Iterator[Reader]:
    """The peer's file, when its form, parties and signature are found good."""
    identity = Identity.load(choices.identity)
    peers = [PeerIdentity.load(peer) for peer in choices.peers]
    try:
        file = path.open("rb")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    with file:
        yield Reader(file, str(path), kind, identity, peers)


@contextlib.contextmanager
def _writing(
    target: Path, kind: Kind, author: Identity, addressee: PeerIdentity, previous: bytes
) -> Iterator[tuple[Writer, BinaryIO]]:
    """A file that appears, whole, when all went well."""
    with atomic.replacing(target) as part:
        try:
            with part.open("wb") as file:
                yield Writer(file, kind, author, addressee, previous, SystemEntropy()), file
        except OSError as error:
            raise InputError(f"cannot write {target}: {error.strerror}") from None


@contextlib.contextmanager
def _shown() -> Iterator[Callable[[int, int], None]]:
    with progress() as bar:
        task = bar.add_task("matching", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def _say_written(choices: Choices, record: dict[str, object], words: dict[str, object]) -> None:
    if choices.as_json:
        print_json(record)
    else:
        print_fields(words)


def _unit(choices: Choices) -> str:
    return "distinct keys" if choices.agreement.matching is Matching.ONE_TO_MANY else "records"


def _padded(choices: Choices) -> str:
    return "" if choices.agreement.pad_to is None else ", padding included"


def _plain(given: dict[str, Any]) -> dict[str, Any]:
    """An offer's options as JSON; paths are made absolute."""

    def plain(value: Any) -> Any:
        if isinstance(value, Path):
            return {"path": str(value.absolute())}
        return [plain(item) for item in value] if isinstance(value, tuple) else value

    return {name: plain(value) for name, value in given.items() if name != "as_json"}


def _revived(value: Any) -> Any:
    """What `_plain` made plain."""
    if isinstance(value, dict):
        return Path(value["path"])
    return tuple(_revived(item) for item in value) if isinstance(value, list) else value


COMMANDS = (offer, answer, finish)
