"""The exchange by directories on an engine that distributes the work, Spark or Sail: offer, answer, finish.

The list lies where the engine can read it. Each step is read, checked, put on file and paid for as on one machine; only
the columns are made elsewhere (`psi.distributed.parties`). What is between an offer and its `finish` stands in a work
directory, which is as secret as the list.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psi.agreement.modes import Reveal, Side
from psi.distributed import own_list, parties, places
from psi.distributed.own_list import EngineList
from psi.identity.identity import PeerIdentity
from psi.offline import manifest
from psi.offline import state as states
from psi.offline.answered import AnsweredOffers
from psi.offline.by_parts import require_parts
from psi.offline.chunks import KEY_BYTES
from psi.offline.envelope import NO_FILE, FileKind
from psi.offline.manifest import ManifestReader, sealed_bytes
from psi.offline.state import OfferState
from psi.protocol.outcome import Outcome
from psi.session.session import SessionResult
from psiselect.base.entropy import SystemEntropy
from psiselect.base.seeded import SEED_BYTES, SeededEntropy
from psiselect.matching import engine_side as side
from psiselect.matching import words, words_exchanges
from psiselect.matching.by_files import Written, choices_for, given_then, measured
from psiselect.matching.choices import Choices
from psiselect.matching.engine_choice import EngineChoice
from psiselect.matching.engine_side import Bench
from psiselect.matching.given import GivenOptions
from psiselect.matching.results import Found, Speaker, require_shown
from psiselect.matching.shared_terms import SharedTerms
from psiselect.matching.spare import Spare
from psiselect.tables import HeldTable
from psiselect.talk import Talk

_REPLY_BYTES = 48


def offer(given: GivenOptions, out: str, state: Path, engine: EngineChoice, talk: Talk, speaker: Speaker) -> Written:
    """Write a directory that is an offer, and keep what is secret in `state` and in a work directory. Raises
    UsageError, InputError, PolicyError, ResourceError."""
    choices = _choices(Side.CONNECT, given, talk, speaker)
    if len(choices.peers.certificates) != 1:
        raise words_exchanges.one_peer_an_offer()
    states.require_new(state)
    people, work = side.people_of(choices), side.workdir(engine, Path(f"{state.absolute()}.work"))
    with side.opened(engine, out) as (session, where), side.working(session, where, engine, work, choices) as bench:
        out = bench.places.named(out)
        side.require_apart(choices, bench.places, {}, {"--out": out, "--state": str(state)})
        own = side.gathered(bench, choices, given)
        side.require_admitted(choices, people, own)
        identity, (peer,) = people.identity, people.peers
        seed = side.new_secret(SEED_BYTES)
        setup = side.setup_of(choices, people, peer, own, SeededEntropy(seed))

        def make() -> SessionResult:
            started = time.monotonic()
            with (
                states.reserved(state),
                side.directory_for(bench.places, out, own.terms),
                side.stepping(bench.engine, talk, own, 2) as engine_now,
            ):
                key = side.new_secret(KEY_BYTES)
                made = parties.offer(engine_now, setup, own.frames, own.keys, out, key)
                content = made.begun, key, made.columns, None
                listing, file_id = manifest.write(
                    FileKind.OFFER_MANIFEST, identity, peer, NO_FILE, SystemEntropy(), content
                )
                size = len(listing) + sealed_bytes(made.columns)
                kept = OfferState(
                    seed=seed,
                    offer=file_id,
                    contents=made.contents,
                    own=identity.fingerprint,
                    peer=peer.fingerprint,
                    time=setup.now,
                    size=size,
                    options=replace(
                        given,
                        source=side.source_kept(given, bench.places),
                        keys=tuple(map(str, choices.list.keys)),
                        engine=engine.address.kind.value,
                        engine_workdir=work,
                    ).to_json(),
                )
                kept.save(state)
                bench.places.write_manifest(out, listing)
            declared = sum(setup.declared_sizes)
            return SessionResult(Outcome(), declared, 0, b"", {}, {}, time.monotonic() - started, size, 0)

        result = choices.records.keep(
            setup, identity, peer, lambda: talk.observed(setup, identity, peer, make), "offered"
        )
        return Written(side.shown_place(out, bench.places), state, None, own, result, bench.name, peer)


def answer(
    given: GivenOptions,
    offer: str,
    out: str,
    answered_in: Path | None,
    engine: EngineChoice,
    talk: Talk,
    speaker: Speaker,
) -> Written:
    """Answer a peer's directory, once. Raises as `offer`, and RemoteError."""
    choices = _choices(Side.LISTEN, given, talk, speaker)
    people = side.people_of(choices)
    work = side.workdir(engine, choices.list.memory.folder)
    with (
        side.opened(engine, out) as (session, where),
        side.working(session, where, engine, work, choices, lasting=False) as bench,
    ):
        offer, out = bench.places.named(offer), bench.places.named(out)
        side.require_apart(choices, bench.places, {"OFFER": offer}, {"--out": out, "--state": answered_in})
        reader = side.verified(bench.places, offer, FileKind.OFFER_MANIFEST, choices)
        beside = Path(f"{reader.own.certificate_path.with_suffix('')}.answered")
        answered = AnsweredOffers(answered_in or beside)
        answered.check(reader.id)
        bench.places.check_parts(offer, parties.column_names(choices.terms.lists))
        own = side.gathered(bench, choices, given)
        side.require_admitted(choices, people, own)
        identity, peer = people.identity, reader.author
        admission = choices.guard.admission(peer, choices.terms)
        setup = side.setup_of(choices, people, peer, own, SystemEntropy(), admission)

        def make() -> SessionResult:
            started = time.monotonic()
            with (
                side.directory_for(bench.places, out, own.terms),
                side.stepping(bench.engine, talk, own, 3) as engine_now,
            ):
                key = side.new_secret(KEY_BYTES)
                offered = reader.id, ManifestReader(reader), offer
                made = parties.answer(engine_now, setup, own.frames, own.keys, offered, out, key)
                content = made.begun, key, made.columns, made.signature
                listing, _ = manifest.write(
                    FileKind.ANSWER_MANIFEST, identity, peer, reader.id, SystemEntropy(), content
                )
                answered.add(reader.id, datetime.now(UTC))
                bench.places.write_manifest(out, listing)
            sent = len(listing) + sealed_bytes(made.columns)
            return measured(made.result, started, sent, reader.size + 32 * made.result.peer_size)

        with admission.saying_paid():
            result = choices.records.keep(
                setup, identity, peer, lambda: talk.observed(setup, identity, peer, make), "answered"
            )
        return Written(side.shown_place(out, bench.places), None, given.learn, own, result, bench.name, peer)


def finish(
    answer: str,
    state: Path,
    now: Mapping[str, Any],
    session: Any,
    talk: Talk,
    speaker: Speaker,
    shared: SharedTerms | None = None,
) -> tuple[Found, GivenOptions]:
    """Read the peer's answer to the offer whose state this is, write the rows, then remove the state and the work
    directory. now: as for `by_files.finish`. session: one that the caller has. Raises as `answer`."""
    kept = OfferState.load(state)
    given = replace(given_then(kept, state), **now)
    if shared is not None:
        shared.require_same(given, Side.CONNECT)
    if given.source is None and given.output is None:
        given = replace(given, source=HeldTable(None, "the list"))  # a frame of the caller's, which is not needed
    engine = EngineChoice.of(given, session)
    if engine is None or given.engine_workdir is None:
        raise words_exchanges.offer_of_one_machine(state)
    work, output = given.engine_workdir, None if given.output is None else str(given.output)
    choices = _choices(Side.CONNECT, given, talk, speaker)
    spare = Spare(again=words.FINISHED)
    choices = replace(choices, records=replace(choices.records, again=True, spare=spare))
    if output is None and choices.terms.reveal is Reveal.MATCHES:
        talk.tell(words.ROWS_NOT_KEPT)
    people = side.people_of(choices)
    trial = f"{work}/finish-{side.random_name()}"  # so that one that was killed is not in the way of the next
    with (
        side.opened(engine, output) as (session, where),
        side.working(session, where, engine, trial, choices, lasting=False, offered=work) as bench,
    ):
        answer = where.named(answer)
        output = None if output is None else where.named(output)
        side.require_apart(choices, where, {"ANSWER": answer, "--state": str(state)}, {"--output": output})
        reader = side.verified(where, answer, FileKind.ANSWER_MANIFEST, choices)
        if (reader.own.fingerprint, reader.author.fingerprint) != (kept.own, kept.peer):
            raise words_exchanges.offer_of_others(state)
        if reader.previous != kept.offer:
            raise words_exchanges.another_offer(answer, state)
        where.check_parts(answer, parties.column_names(choices.terms.lists))
        own = side.list_then(bench, choices, given, wanted=output is not None)
        choices.guard.check(people.peers, own.size)
        identity, (peer,) = people.identity, people.peers
        # The session was counted, and paid for, when it was offered; only the peer's size is asked about now.
        entropy = SeededEntropy(kept.seed)
        setup = replace(side.setup_of(choices, people, peer, own, entropy, lambda: None), now=kept.time)
        matched: list[Any] = []

        def run() -> SessionResult:
            started = time.monotonic()
            offered = kept.offer, kept.contents
            with side.stepping(bench.engine, talk, own, 3 if own.terms.reveal.hides_membership else 1) as engine_now:
                made = parties.finish(engine_now, setup, own.keys, offered, (ManifestReader(reader), answer))
            matched.extend(made.matched)
            outcome = Outcome(made.counts).at_least(setup.terms.min_matches)
            signatures = {Side.LISTEN: made.signature, Side.CONNECT: made.exchange.sign()}
            received = reader.size + sum(setup.declared_sizes) * _REPLY_BYTES
            return measured(made.exchange.result(outcome, signatures), started, kept.size, received)

        result = choices.records.keep(setup, identity, peer, lambda: talk.observed(setup, identity, peer, run))
        if result.outcome.withheld:
            side.forget(where, state, work, own.terms)
        require_shown(choices.terms, result.outcome)
        found = _give(bench, choices, given, own, result, matched, output, peer)
        speaker.say(found, spare)
        side.forget(where, state, work, own.terms)  # all that was asked for is written by now
    return found, given


def _give(
    bench: Bench,
    choices: Choices,
    given: GivenOptions,
    own: EngineList,
    result: SessionResult,
    matched: Sequence[Any],
    output: str | None,
    peer: PeerIdentity,
) -> Found:
    """Write the rows that matched, and say how many there are."""
    rows = None
    if choices.terms.reveal is Reveal.MATCHES:
        rows = own.rows_of(matched)
        if output is not None:
            side.require_same(bench, own, given.nulls)
            found = own_list.matched_rows(own, matched, choices.results.chosen, given.nulls)
            rows = places.write_rows(found, output, bench.places)
    return Found(
        job=own,
        result=result,
        backend=bench.name,
        peer=peer,
        matched_rows=rows,
        joined_rows=None,
        written=given.output,
        to_file=output is not None,
    )


def _choices(place: Side, given: GivenOptions, talk: Talk, speaker: Speaker) -> Choices:
    """Raises UsageError for what directories, or engines, do not carry out."""
    # What is only checked here is checked by its name; the engine opens the place itself.
    shown = None if given.output is None else Path(str(given.output))
    choices = choices_for(place, replace(given, output=shown), talk, speaker)
    require_parts(choices.terms)
    return choices
