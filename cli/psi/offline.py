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

from cli._identity import load_identities
from cli._output import human_bytes, human_seconds, json_option, print_fields, print_json
from cli._table import OutputName, TableName
from cli.psi import columns as column_options
from cli.psi.choices import Choices
from cli.psi.given import GivenOptions
from cli.psi.options import session_options
from cli.psi.own_side import open_backend, prepared, shown
from cli.psi.results import input_of, own_list, transcript_text, unit_of
from cli.psi.spare import FINISHED, Spare
from psi.agreement.modes import Side
from psi.identity.identity import Identity, PeerIdentity
from psi.normalize import FIRST, parse_key
from psi.offline import exchange
from psi.offline import state as states
from psi.offline.answered import AnsweredOffers
from psi.offline.envelope import NO_FILE, FileKind, Reader, Writer
from psi.offline.state import OfferState
from psi.protocol.outcome import Outcome
from psi.session.session import SessionResult
from psiselect.base import atomic, durable
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import InputError, RemoteError, UsageError
from psiselect.base.seeded import SEED_BYTES, SeededEntropy

_PATH = click.Path(path_type=Path)
_Command = TypeVar("_Command", bound=click.Command)
# Options of a session that come with the answer only, or make no sense without a link.
_NOT_HERE = ("output", "columns", "record", "timeout")


def _without(*names: str) -> Callable[[_Command], _Command]:
    def apply(command: _Command) -> _Command:
        command.params = [param for param in command.params if param.name not in names]
        return command

    return apply


@_without(*_NOT_HERE, "ledger", "dataset")  # the side that offers learns, so the noise protects the other side's list
@click.command("offer")
@session_options(Side.CONNECT)
@click.option("--out", required=True, type=_PATH, metavar="OFFER", help="The file to send to the peer.")
@click.option(
    "--state", required=True, type=_PATH, metavar="FILE", help="Where to keep what is secret until the answer is here."
)
def offer(out: Path, state: Path, given: GivenOptions) -> None:
    """Begin an exchange by files: write an offer for the peer to answer. The side that offers is the one that learns.

    Send OFFER by mail, as an attachment, or any other way: it is encrypted to the peer and signed. Keep FILE: `psi
    finish` needs it, and removes it.

    \b
    Examples:
      psiselect psi offer --identity keys/globex --peer acme.crt --input members.parquet \\
          --key mail:email --out offer.psi --state offer.state
    """
    choices = _choices(Side.CONNECT, given)
    if len(choices.peers.certificates) != 1:
        raise UsageError("an offer is for one peer: name one --peer, and make an offer for each", term="peer")
    _require_apart(choices, {}, {"--out": out, "--state": state})
    atomic.check(out)
    states.require_new(state)
    with prepared(choices) as own, open_backend(choices.means) as backend:
        identity, (peer,) = own.parties.identity, own.parties.peers
        seed = SystemEntropy().read(SEED_BYTES)
        setup = own.setup(peer, backend, SeededEntropy(seed))

        def make() -> SessionResult:
            started = time.monotonic()
            with (
                states.reserved(state),
                _writing(out, FileKind.OFFER, identity, peer, NO_FILE) as (writer, _),
                shown() as done,
            ):
                contents = exchange.offer(setup, writer.send, done)
                kept = OfferState(
                    seed=seed,
                    offer=writer.finish(),
                    contents=contents,
                    own=identity.fingerprint,
                    peer=peer.fingerprint,
                    time=setup.now,
                    size=writer.size,
                    # With the versions of the rules, so that a later program finishes under the same ones.
                    options=replace(
                        given, memory_limit=choices.list.memory.limit, keys=tuple(map(str, choices.list.keys))
                    ).to_json(),
                )
                kept.save(state)
            declared = setup.terms.declared_size(setup.size)
            return SessionResult(Outcome(), declared, 0, b"", {}, {}, time.monotonic() - started, writer.size, 0)

        result = own.records.keep(setup, identity, peer, make, "offered")
        _say_written(
            given.as_json,
            {
                "offer": out,
                "state": state,
                "reveal": setup.terms.reveal.value,
                "own_size": result.own_size,
                "seconds": round(result.seconds, 3),
                "bytes_sent": result.bytes_sent,
                "peer_fingerprint": peer.fingerprint,
                "backend": backend.name,
                "disk_bytes": own.job.disk_bytes,
                "input": input_of(own.job),
            },
            {
                "own list": own_list(own.job),
                "for the peer": f"{out}, {human_bytes(result.bytes_sent)}: send it to {peer.name}",
                "secret": f"{state}: keep it; `psi finish` needs it, and removes it",
                "time": human_seconds(result.seconds),
            },
        )


@_without(*_NOT_HERE)
@click.command("answer")
@click.argument("offer", metavar="OFFER", type=_PATH)
@session_options(Side.LISTEN)
@click.option("--out", required=True, type=_PATH, metavar="ANSWER", help="The file to send back.")
@click.option(
    "--state",
    type=_PATH,
    metavar="FILE",
    help="Where I remember which offers were answered [default: beside the identity, NAME.answered].",
)
def answer(offer: Path, out: Path, state: Path | None, given: GivenOptions) -> None:
    """Answer a peer's offer. The side that answers learns the size of the peer's list, and nothing else.

    All terms must be those of the offer. An offer is answered once: from two answers the peer would see what changed
    in the list between them.

    \b
    Examples:
      psiselect psi answer offer.psi --identity keys/acme --peer globex.crt --input customers.csv \\
          --key email:email --out answer.psi
    """
    choices = _choices(Side.LISTEN, given)
    _require_apart(choices, {"OFFER": offer}, {"--out": out, "--state": state})
    atomic.check(out)
    with _opened(offer, FileKind.OFFER, choices) as reader:
        answered = AnsweredOffers(state or Path(f"{reader.own.certificate_path.with_suffix('')}.answered"))
        answered.check(reader.id)
        with prepared(choices) as own, open_backend(choices.means) as backend:
            identity, peer = own.parties.identity, reader.author
            admission = own.guard.admission(peer, choices.terms)
            setup = own.setup(peer, backend, admit=admission)

            def make() -> SessionResult:
                started = time.monotonic()
                with _writing(out, FileKind.ANSWER, identity, peer, reader.id) as (writer, file), shown() as done:
                    made = exchange.answer(setup, reader.id, reader.frames(), writer.send, done)
                    writer.finish()
                    durable.sync_file(file)  # between the entry and the answer's appearance there is next to nothing
                    answered.add(reader.id, datetime.now(UTC))
                return _measured(made, started, writer.size, reader.size)

            with admission.saying_paid():
                result = own.records.keep(setup, identity, peer, make, "answered")
            padded = "" if setup.terms.pad_to is None else ", padding included"
            _say_written(
                given.as_json,
                {
                    "answer": out,
                    "reveal": setup.terms.reveal.value,
                    "learn": given.learn,
                    "own_size": result.own_size,
                    "peer_size": result.peer_size,
                    "matches": None,
                    "seconds": round(result.seconds, 3),
                    "bytes_sent": result.bytes_sent,
                    "bytes_received": result.bytes_received,
                    "peer_fingerprint": peer.fingerprint,
                    "transcript": result.transcript,
                    "backend": backend.name,
                    "disk_bytes": own.job.disk_bytes,
                    "input": input_of(own.job),
                },
                {
                    "own list": own_list(own.job),
                    "peer's list": f"{result.peer_size:,} {unit_of(setup.terms)}{padded}",
                    "for the peer": f"{out}, {human_bytes(result.bytes_sent)}: send it back to {peer.name}",
                    "time": human_seconds(result.seconds),
                    "transcript": transcript_text(result),
                },
            )


@click.command("finish")
@click.argument("answer", metavar="ANSWER", type=_PATH)
@click.option("--state", required=True, type=_PATH, metavar="FILE", help="The state that `psi offer` has kept.")
@click.option(
    "--input", "source", type=TableName(), metavar="FILE", help="The list [default: where it was for the offer]."
)
@click.option("--identity", type=_PATH, metavar="DIR/NAME", help="My identity [default: where it was for the offer].")
@click.option(
    "--output",
    type=OutputName(),
    help="Write my matched rows here: .csv or .parquet, also in a store, as in s3://BUCKET/out.csv.",
)
@column_options.WRITTEN
@click.option("--record", type=_PATH, metavar="FILE", help="Write the exchange's record here, signed by both (JSON).")
@json_option
def finish(
    answer: Path,
    state: Path,
    as_json: bool,
    output: Path | str | None,
    columns: tuple[str, ...] | None,
    record: Path | None,
    **moved: Any,
) -> None:
    """Read the peer's answer to my offer: the result. Then the secret state is removed.

    All options are those of the offer, and the list must be as it was then.

    \b
    Examples:
      psiselect psi finish answer.psi --state offer.state --output common.csv
    """
    kept = OfferState.load(state)
    here = {name: path for name, path in moved.items() if path is not None}
    given = replace(_given_then(kept, state), **here, output=output, columns=columns, record=record, as_json=as_json)
    choices = _choices(Side.CONNECT, given)
    spare = Spare(again=FINISHED)
    choices = replace(
        choices,
        records=replace(choices.records, again=True, spare=spare),
        results=replace(choices.results, again=True, spare=spare),
    )
    _require_apart(choices, {"ANSWER": answer, "--state": state}, choices.results.files)
    with _opened(answer, FileKind.ANSWER, choices) as reader:
        if (reader.own.fingerprint, reader.author.fingerprint) != (kept.own, kept.peer):
            raise InputError(f"{state} is of an offer between other identities; name those that it was made with")
        if reader.previous != kept.offer:
            raise RemoteError(f"{answer} answers another offer than that of {state}", term="offer")
        with prepared(choices) as own, open_backend(choices.means) as backend:
            identity, (peer,) = own.parties.identity, own.parties.peers
            # The session was counted, and paid for, when it was offered; only the peer's size is asked about now.
            setup = replace(own.setup(peer, backend, SeededEntropy(kept.seed), lambda: None), now=kept.time)

            def run() -> SessionResult:
                started = time.monotonic()
                with shown() as done:
                    found = exchange.finish(setup, kept.offer, kept.contents, reader.frames(), done)
                return _measured(found, started, kept.size, reader.size)

            result = own.records.keep(setup, identity, peer, run)
            if result.outcome.withheld:
                states.remove(state)
            own.results.give(own.job, result, backend.name, peer)
    states.remove(state)  # all that was asked for is written by now


def _choices(side: Side, given: GivenOptions) -> Choices:
    """Raises UsageError for what files cannot carry out."""
    choices = Choices.of(side, given)
    exchange.require_offline(choices.terms)
    return choices


def _given_then(kept: OfferState, state: Path) -> GivenOptions:
    """An offer's options once more. Raises InputError when this version's `psi offer` has not such options."""
    try:
        given = GivenOptions.from_json(kept.options)
        # Programs that had only version 1 of the rules kept none.
        return replace(given, keys=tuple(str(parse_key(key, FIRST)) for key in given.keys))
    except (ValueError, UsageError):
        raise InputError(f"{state} was made by another version of this program; finish with that one") from None


def _measured(result: SessionResult, started: float, sent: int, received: int) -> SessionResult:
    """The result with time and bytes."""
    return replace(result, seconds=time.monotonic() - started, bytes_sent=sent, bytes_received=received)


def _require_apart(choices: Choices, came: dict[str, Path | None], written: dict[str, Path | None]) -> None:
    """Raises UsageError when one file would be two things. came: the peer's file."""
    choices.records.check({**choices.files, **came}, written)


@contextlib.contextmanager
def _opened(path: Path, kind: FileKind, choices: Choices) -> Iterator[Reader]:
    """The peer's file, when its form, parties and signature are found good."""
    (identity,) = load_identities(choices.peers.identities, tell=lambda note: None)  # it is loaded again later
    peers = [PeerIdentity.load(peer) for peer in choices.peers.certificates]
    try:
        file = path.open("rb")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    with file:
        yield Reader(file, str(path), kind, identity, peers)


@contextlib.contextmanager
def _writing(
    target: Path, kind: FileKind, author: Identity, addressee: PeerIdentity, previous: bytes
) -> Iterator[tuple[Writer, BinaryIO]]:
    """A file that appears, whole, when all went well."""
    with atomic.replacing(target) as part, part.open("wb") as file:
        yield Writer(file, kind, author, addressee, previous, SystemEntropy()), file


def _say_written(as_json: bool, record: dict[str, object], words: dict[str, object]) -> None:
    if as_json:
        print_json(record)
    else:
        print_fields(words)
