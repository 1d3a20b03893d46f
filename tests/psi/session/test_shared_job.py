"""One table for many sessions at once, with keys on disk: each is right, and what it put on disk is gone afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.jobs import agreed, specs
from support.parties import KEYS

from psi.agreement.modes import Learner, Reveal, Side
from psi.agreement.terms import Terms
from psi.group.curve25519.backend import Backend, load_backend
from psi.inputs import distinct
from psi.inputs.distinct import SpooledKeys
from psi.session import session
from psi.session.job import Job, Memory
from psi.session.session import SessionResult
from psi.tables import open_source
from psi.transport.memory import memory_pair
from psiselect.base.entropy import SystemEntropy

KEY = specs("value")
SESSIONS = 4


@pytest.fixture
def backend() -> Iterator[Backend]:
    found = load_backend("portable", 2)
    yield found
    found.close()


def job(folder: Path, name: str, first: int, memory: int, side: Side, terms: Terms) -> Job:
    (folder / name).write_text("".join(f"person{i}\n" for i in range(first, first + 600)))
    return Job(open_source(folder / name), KEY, side, terms, Memory(memory, folder))


@pytest.mark.parametrize("learner", [Learner.LISTEN, Learner.CONNECT])
def test_sessions_at_once_share_a_spooled_list(
    tmp_path: Path, backend: Backend, learner: Learner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distinct, "_DIRECT_BYTES", 1_000)
    monkeypatch.setattr(distinct, "_BATCH_BYTES", 1_000)
    terms = agreed(KEY, Reveal.MATCHES, learner, chunk=50)
    shared = job(tmp_path, "shared.txt", 0, 4_000, Side.LISTEN, terms)
    others = [job(tmp_path, "o.txt", 200, 1 << 30, Side.CONNECT, terms)] * SESSIONS
    keys = shared._items[0].keys
    assert isinstance(keys, SpooledKeys)
    before = keys.scratch.bytes_on_disk
    assert before > 0
    results: dict[tuple[int, Side], SessionResult] = {}
    start = threading.Barrier(2 * SESSIONS)

    def play(number: int, side: Side, own: Job, channel: object) -> None:
        start.wait()
        setup = own.setup(KEYS[side], KEYS[side.other], backend, SystemEntropy())
        results[number, side] = session.run(channel, setup)  # type: ignore[arg-type]

    threads = []
    for number, other in enumerate(others):
        ends = memory_pair(fingerprints=(KEYS[Side.LISTEN].fingerprint, KEYS[Side.CONNECT].fingerprint))
        for side, own, end in ((Side.LISTEN, shared, ends[0]), (Side.CONNECT, other, ends[1])):
            threads.append(threading.Thread(target=play, args=(number, side, own, end)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(results) == 2 * SESSIONS
    (receiver,) = learner.receivers
    assert [results[number, receiver].outcome.matches for number in range(SESSIONS)] == [400] * SESSIONS
    learning = shared if receiver is Side.LISTEN else others[0]
    assert {learning.count_rows(results[number, receiver].outcome) for number in range(SESSIONS)} == {400}
    assert keys.scratch.bytes_on_disk == before
    with shared, others[0]:
        pass
    assert keys.scratch.bytes_on_disk == 0


def test_a_job_is_for_the_keys_of_its_terms(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("a\n")
    terms = agreed(specs("value:text"), Reveal.MATCHES, Learner.CONNECT)
    with pytest.raises(ValueError, match="not those of the terms"):
        Job(open_source(tmp_path / "list.txt"), KEY, Side.CONNECT, terms, Memory(1 << 20, tmp_path))
