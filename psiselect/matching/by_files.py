"""The same exchange by files, for parties that cannot open a port: offer, answer, finish."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psi.agreement.modes import Side
from psi.identity.identity import PeerIdentity
from psi.normalize import FIRST, parse_key
from psi.offline import by_parts, exchange
from psi.offline import state as states
from psi.offline.answered import AnsweredOffers
from psi.offline.envelope import FileKind
from psi.offline.state import OfferState
from psi.protocol.outcome import Outcome
from psi.session.read_list import ReadList
from psi.session.session import SessionResult
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import UsageError
from psiselect.base.seeded import SEED_BYTES, SeededEntropy
from psiselect.matching import placed, words, words_exchanges
from psiselect.matching.choices import Choices
from psiselect.matching.given import GivenOptions
from psiselect.matching.own_side import open_backend, prepared, tell_of_rows
from psiselect.matching.results import Found, Speaker, input_of
from psiselect.matching.shared_terms import SharedTerms
from psiselect.matching.spare import Spare
from psiselect.talk import Talk


@dataclass(frozen=True)
class Written:
    """A file for the peer that is written.

    file: its path, or the address of a directory. state: where this side keeps what is secret, for an offer. learn: as
    this side says it, for an answer.
    """

    file: Path | str
    state: Path | None
    learn: str | None
    job: ReadList
    result: SessionResult
    backend: str
    peer: PeerIdentity

    def to_json(self) -> dict[str, object]:
        """As `--json` prints it; values are not all of plain JSON types."""
        result, terms = self.result, self.job.terms
        mine = {
            "reveal": terms.reveal.value,
            **({} if self.state else {"learn": self.learn}),
            "own_size": result.own_size,
        }
        theirs = {} if self.state else {"peer_size": result.peer_size, "matches": None}
        received = {} if self.state else {"bytes_received": result.bytes_received}
        return {
            **({"offer": self.file, "state": self.state} if self.state else {"answer": self.file}),
            **mine,
            **theirs,
            "seconds": round(result.seconds, 3),
            "bytes_sent": result.bytes_sent,
            **received,
            "peer_fingerprint": self.peer.fingerprint,
            **({} if self.state else {"transcript": result.transcript}),
            "backend": self.backend,
            "disk_bytes": self.job.disk_bytes,
            "input": input_of(self.job),
        }


def offer(
    given: GivenOptions, out: Path, state: Path, talk: Talk, speaker: Speaker, *, directory: bool = False
) -> Written:
    """Write an offer, and keep what is secret in `state`. directory: write a directory of parts, not one file. Raises
    UsageError, InputError, PolicyError."""
    choices = choices_for(Side.CONNECT, given, talk, speaker)
    if directory:
        by_parts.require_parts(choices.terms)
    if len(choices.peers.certificates) != 1:
        raise words_exchanges.one_peer_an_offer()
    _require_apart(choices, {}, {"--out": out, "--state": state})
    placed.check(out, in_parts=directory)
    states.require_new(state)
    with prepared(choices) as own, open_backend(choices.means, talk) as backend:
        identity, (peer,) = own.parties.identity, own.parties.peers
        seed = SystemEntropy().read(SEED_BYTES)
        setup = own.setup(peer, backend, SeededEntropy(seed))

        def make() -> SessionResult:
            started = time.monotonic()
            with (
                states.reserved(state),
                placed.writing(out, identity, peer, None, in_parts=directory) as place,
                talk.shown(own.job.size) as done,
            ):
                written = place.offer(setup, done)
                kept = OfferState(
                    seed=seed,
                    offer=written.id,
                    contents=written.contents,
                    own=identity.fingerprint,
                    peer=peer.fingerprint,
                    time=setup.now,
                    size=written.size,
                    # With the versions of the rules, so that a later program finishes under the same ones.
                    options=replace(
                        given, memory_limit=choices.list.memory.limit, keys=tuple(map(str, choices.list.keys))
                    ).to_json(),
                )
                kept.save(state)
                place.appear()
            declared = setup.terms.declared_size(setup.size)
            return SessionResult(Outcome(), declared, 0, b"", {}, {}, time.monotonic() - started, written.size, 0)

        result = own.records.keep(setup, identity, peer, lambda: talk.observed(setup, identity, peer, make), "offered")
        return Written(out, state, None, own.job, result, backend.name, peer)


def answer(
    given: GivenOptions, offer: Path, out: Path, answered_in: Path | None, talk: Talk, speaker: Speaker
) -> Written:
    """Answer a peer's offer, once. answered_in: where answered offers are remembered, None for beside the identity.
    Raises UsageError, InputError, PolicyError, RemoteError."""
    choices = choices_for(Side.LISTEN, given, talk, speaker)
    _require_apart(choices, {"OFFER": offer}, {"--out": out, "--state": answered_in})
    placed.check(out, in_parts=offer.is_dir())
    with placed.opened(offer, FileKind.OFFER, choices) as offered:
        reader, in_parts = offered.reader, offered.folder is not None
        if in_parts:
            by_parts.require_parts(choices.terms)
        beside = Path(f"{reader.own.certificate_path.with_suffix('')}.answered")
        answered = AnsweredOffers(answered_in or beside)
        answered.check(reader.id)
        with prepared(choices) as own, open_backend(choices.means, talk) as backend:
            identity, peer = own.parties.identity, reader.author
            admission = own.guard.admission(peer, choices.terms)
            setup = own.setup(peer, backend, admit=admission)

            def make() -> SessionResult:
                started = time.monotonic()
                with (
                    placed.writing(out, identity, peer, offered, in_parts=in_parts) as place,
                    talk.shown(own.job.size) as done,
                ):
                    made = place.answer(setup, offered, done)
                    answered.add(reader.id, datetime.now(UTC))
                    place.appear()
                return measured(made, started, place.size, offered.size)

            with admission.saying_paid():
                result = own.records.keep(
                    setup, identity, peer, lambda: talk.observed(setup, identity, peer, make), "answered"
                )
            return Written(out, None, given.learn, own.job, result, backend.name, peer)


def finish(
    answer: Path,
    state: Path,
    now: Mapping[str, Any],
    talk: Talk,
    speaker: Speaker,
    shared: SharedTerms | None = None,
) -> tuple[Found, GivenOptions]:
    """Read the peer's answer to the offer whose state this is, then remove the state.

    now: what is said of the result, and what has moved since the offer, as fields of `GivenOptions`. shared:
    the terms that the offer must have been made with. Returns the result and all options. Raises UsageError,
    InputError, PolicyError, RemoteError.
    """
    kept = OfferState.load(state)
    given = replace(given_then(kept, state), **now)
    if shared is not None:
        shared.require_same(given, Side.CONNECT)
    choices = choices_for(Side.CONNECT, given, talk, speaker)
    spare = Spare(again=words.FINISHED)
    choices = replace(
        choices,
        records=replace(choices.records, again=True, spare=spare),
        results=replace(choices.results, again=True, spare=spare),
    )
    _require_apart(choices, {"ANSWER": answer, "--state": state}, choices.results.files)
    tell_of_rows(choices)
    with placed.opened(answer, FileKind.ANSWER, choices) as answered:
        reader = answered.reader
        if (reader.own.fingerprint, reader.author.fingerprint) != (kept.own, kept.peer):
            raise words_exchanges.offer_of_others(state)
        if reader.previous != kept.offer:
            raise words_exchanges.another_offer(answer, state)
        with prepared(choices) as own, open_backend(choices.means, talk) as backend:
            identity, (peer,) = own.parties.identity, own.parties.peers
            # The session was counted, and paid for, when it was offered; only the peer's size is asked about now.
            setup = replace(own.setup(peer, backend, SeededEntropy(kept.seed), lambda: None), now=kept.time)

            def run() -> SessionResult:
                started = time.monotonic()
                with talk.shown(own.job.size) as done:
                    found = answered.finish(setup, kept.offer, kept.contents, done)
                return measured(found, started, kept.size, answered.size)

            result = own.records.keep(setup, identity, peer, lambda: talk.observed(setup, identity, peer, run))
            if result.outcome.withheld:
                states.remove(state)
            found = own.results.give(own.job, result, backend.name, peer)
    states.remove(state)  # all that was asked for is written by now
    return found, given


def choices_for(side: Side, given: GivenOptions, talk: Talk, speaker: Speaker) -> Choices:
    """Raises UsageError for what files cannot carry out."""
    choices = Choices.of(side, given, talk, speaker)
    exchange.require_offline(choices.terms)
    return choices


def given_then(kept: OfferState, state: Path) -> GivenOptions:
    """An offer's options once more. Raises InputError when this version's `psi offer` has not such options."""
    try:
        given = GivenOptions.from_json(kept.options)
        # Programs that had only version 1 of the rules kept none.
        return replace(given, keys=tuple(str(parse_key(key, FIRST)) for key in given.keys))
    except (ValueError, UsageError):
        raise words_exchanges.other_program(state) from None


def measured(result: SessionResult, started: float, sent: int, received: int) -> SessionResult:
    """The result with time and bytes."""
    return replace(result, seconds=time.monotonic() - started, bytes_sent=sent, bytes_received=received)


def _require_apart(choices: Choices, came: dict[str, Path | None], written: dict[str, Path | None]) -> None:
    """Raises UsageError when one file would be two things. came: the peer's file."""
    choices.records.check({**choices.files, **came}, written)
