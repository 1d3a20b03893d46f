"""The secret state of an offer, and the memory of answered ones: strict, private, durable."""

from __future__ import annotations

import multiprocessing
import os
import random
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.contenders import answer_offers

from psi.offline import state as states
from psi.offline.answered import AnsweredOffers
from psi.offline.state import OfferState
from psiselect.base import durable
from psiselect.base.errors import InputError, PolicyError, UsageError

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
STATE = OfferState(
    seed=bytes(range(32)),
    offer=b"o" * 32,
    contents=b"c" * 128,
    time=1_800_000_000,
    own=b"a" * 32,
    peer=b"b" * 32,
    size=1000,
    options={"keys": ["mail:email"], "source": {"path": "members.csv"}},
)


def test_a_state_survives_its_file_which_only_its_owner_can_read(tmp_path: Path) -> None:
    path = tmp_path / "offer.state"
    with states.reserved(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        STATE.save(path)
    assert OfferState.load(path) == STATE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o604)
    with pytest.raises(InputError, match="can read this file"):
        OfferState.load(path)
    states.remove(path)
    with pytest.raises(InputError, match="no file"):
        OfferState.load(path)
    states.remove(path)  # safe to call twice


def test_a_secret_that_is_removed_is_gone_from_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "offer.state"
    STATE.save(path)
    left: list[list[str]] = []
    monkeypatch.setattr(durable, "sync_folder", lambda folder: left.append(os.listdir(folder)))
    states.remove(path)
    assert left == [[]]
    with pytest.raises(InputError, match="because it may hold secrets"):
        states.remove(tmp_path)


def test_no_state_is_written_over_and_a_failed_one_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "offer.state"
    with pytest.raises(ZeroDivisionError), states.reserved(path):
        raise ZeroDivisionError
    assert not path.exists()
    with states.reserved(path):
        pass
    for again in (lambda: states.require_new(path), lambda: states.reserved(path).__enter__()):
        with pytest.raises(UsageError, match="exists"):
            again()
    with pytest.raises(InputError, match="ended before it had written the offer"):
        OfferState.load(path)
    with pytest.raises(InputError, match="its folder does not exist"):
        states.require_new(tmp_path / "no" / "offer.state")


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.soak)])
def test_mutated_states_are_refused_or_read_and_nothing_else_is_raised(tmp_path: Path, count: int) -> None:
    path = tmp_path / "offer.state"
    STATE.save(path)
    good, source, refused = path.read_bytes(), random.Random(count), 0
    for _ in range(count):
        data = bytearray(good)
        at, end = sorted(source.choices(range(len(data) + 1), k=2))
        match source.randrange(3):
            case 0:
                del data[at : min(end, at + 40)]
            case 1:
                data[at : at + 3] = source.randbytes(3)
            case 2:
                data[at:at] = data[at:end]
        path.write_bytes(bytes(data))
        try:
            OfferState.load(path)
        except InputError:
            refused += 1
    assert refused > count // 3


def test_a_state_is_its_owners_alone_whatever_was_there(tmp_path: Path) -> None:
    path = tmp_path / "offer.state"
    path.write_text("something else")
    path.chmod(0o644)
    STATE.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_offer_is_remembered_over_processes_and_refused_the_second_time(tmp_path: Path) -> None:
    path = tmp_path / "acme.answered"
    first = AnsweredOffers(path)
    first.check(b"1" * 32)
    first.add(b"1" * 32, NOW)
    first.add(b"2" * 32, NOW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = AnsweredOffers(path)
    again.check(b"3" * 32)
    for known in (b"1" * 32, b"2" * 32):
        for attempt in (again.check, lambda offer: again.add(offer, NOW)):
            with pytest.raises(PolicyError, match="2026-01-31T12:00:00Z"):
                attempt(known)
    assert path.read_text().count("\n") == 3


def test_the_bytes_of_an_entry_are_what_they_always_were(tmp_path: Path) -> None:
    path = tmp_path / "acme.answered"
    old = b"psiselect-1 answered offers\n" + b"31" * 32 + b" 2026-01-31T12:00:00Z\n"
    path.write_bytes(old)
    AnsweredOffers(path).add(b"2" * 32, NOW)
    assert path.read_bytes() == old + b"32" * 32 + b" 2026-01-31T12:00:00Z\n"
    with pytest.raises(PolicyError):
        AnsweredOffers(path).check(b"1" * 32)


def test_a_torn_entry_goes_and_whole_ones_stay(tmp_path: Path) -> None:
    path = tmp_path / "acme.answered"
    AnsweredOffers(path).add(b"1" * 32, NOW)
    whole = path.read_bytes()
    for torn in (b"", b"3", b"31" * 32 + b" 2026-01-31T12"):
        path.write_bytes(whole + torn)
        AnsweredOffers(path).add(b"4" * 32, NOW)
        with pytest.raises(PolicyError):
            AnsweredOffers(path).check(b"1" * 32)
        assert len(path.read_bytes()) == len(whole) + 86
    for cut in range(28):
        path.write_bytes(whole[:cut])  # torn when it was made
        AnsweredOffers(path).check(b"1" * 32)
        assert path.read_bytes() == whole[:28]


@pytest.mark.parametrize("content", [b"id,mail\n1,ann@example.com\n", b"psiselect-1 answered offers\n" + b"x" * 86])
def test_other_files_are_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged, or is not a list"):
        AnsweredOffers(path)
    assert path.read_bytes() == content


def test_what_cannot_be_used_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for path in (tmp_path / "no" / "acme.answered", tmp_path, tmp_path / "link"):
        with pytest.raises(InputError, match="With --state, give `psi answer` a file"):
            AnsweredOffers(path)


def test_of_several_processes_one_answers(tmp_path: Path) -> None:
    offers = [os.urandom(32) for _ in range(25)]
    context = multiprocessing.get_context("spawn")
    outs = [str(tmp_path / f"out{number}") for number in range(3)]
    processes = [context.Process(target=answer_offers, args=(tmp_path / "memory", offers, NOW, out)) for out in outs]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    answered = [line for out in outs if os.path.exists(out) for line in Path(out).read_text().splitlines()]
    assert sorted(answered) == sorted(offer.hex() for offer in offers)
