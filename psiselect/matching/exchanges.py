"""Offer, answer and finish, by files on this machine or by directories on an engine: the options say which."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psi.offline.state import OfferState
from psiselect.matching import by_engine, by_files, words_exchanges
from psiselect.matching.by_files import Written
from psiselect.matching.engine_choice import EngineChoice, local_path
from psiselect.matching.given import GivenOptions
from psiselect.matching.results import Found, Speaker
from psiselect.matching.shared_terms import SharedTerms
from psiselect.talk import Talk

Place = Path | str


def offer(
    given: GivenOptions,
    out: Place,
    state: Path,
    talk: Talk,
    speaker: Speaker,
    *,
    directory: bool = False,
    session: Any = None,
) -> Written:
    """See `by_files.offer`. session: of an engine, held by the caller."""
    engine = EngineChoice.of(given, session)
    if engine is None:
        return by_files.offer(given, local_path(out, "--out"), state, talk, speaker, directory=directory)
    return by_engine.offer(given, str(out), state, engine, talk, speaker)


def answer(
    given: GivenOptions,
    offer: Place,
    out: Place,
    answered_in: Path | None,
    talk: Talk,
    speaker: Speaker,
    *,
    session: Any = None,
) -> Written:
    """See `by_files.answer`. session: as for `offer`."""
    engine = EngineChoice.of(given, session)
    if engine is None:
        places = local_path(offer, "OFFER"), local_path(out, "--out")
        return by_files.answer(given, *places, answered_in, talk, speaker)
    return by_engine.answer(given, str(offer), str(out), answered_in, engine, talk, speaker)


def finish(
    answer: Place,
    state: Path,
    now: Mapping[str, Any],
    talk: Talk,
    speaker: Speaker,
    shared: SharedTerms | None = None,
    *,
    session: Any = None,
) -> tuple[Found, GivenOptions]:
    """See `by_files.finish`. session: as for `offer`. An offer of an engine is finished by one."""
    if is_of_engine(state):
        return by_engine.finish(str(answer), state, now, session, talk, speaker, shared)
    if session is not None or now.get("engine") is not None:
        raise words_exchanges.offer_of_one_machine(state)
    return by_files.finish(local_path(answer, "ANSWER"), state, now, talk, speaker, shared)


def is_of_engine(state: Path) -> bool:
    """Whether the offer whose state this is was made by an engine. Raises InputError."""
    return OfferState.load(state).options.get("engine") is not None
