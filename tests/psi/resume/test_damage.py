"""Work directories that were damaged, mixed up, or belong to another list: typed errors, never a wrong result."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.resuming import Killed, MortalJournal, Player, Switchboard, at, operations_in, play, right, two_players

from psi.agreement.modes import Reveal, Side
from psi.resume import folder
from psi.resume.folder import Manifest, SessionFolder
from psi.resume.journal import EntryKind, Journal, Mark, Operation
from psi.transport.wire import Frame
from psiselect.base import durable
from psiselect.base.errors import InputError, PsiselectError, RemoteError, TransportError, UsageError

OWN = [b"%d" % i for i in range(60)]
PEER = [b"%d" % i for i in range(40, 100)]
KEY = bytes(range(32))


def journal(path: Path, frames: int = 6) -> Journal:
    made = Journal(path, KEY)
    for number in range(frames):
        made.peer(Frame(1 + number, b"from the peer %d" % number))
        made.operation(Operation(bytes(17), number, bytes(32), bytes([number]) * 64))
        made.own(Frame(5, bytes([number]) * 64))
        made.own(Frame(6, b"own %d" % number))
    made.mark(Mark.ADMITTED)
    made.sync()
    return made


def contents(found: Journal) -> list[tuple[EntryKind, int, bytes]]:
    return [(kind, frame.type, bytes(frame.payload)) for kind, frame in found.frames()]


@pytest.fixture
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disks take their time, and here nothing is killed."""
    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, lambda handle: None)


def test_a_journal_holds_what_was_put_in(tmp_path: Path) -> None:
    made = journal(tmp_path / "journal")
    whole = contents(made)
    made.close()
    again = Journal(tmp_path / "journal", KEY)
    assert contents(again) == whole
    assert (again.own_count, again.peer_count, again.marks) == (12, 6, {Mark.ADMITTED})
    assert again.first_peer == b"from the peer 0"
    assert [again.own_frame(n).type for n in range(12)] == [5, 6] * 6
    assert bytes(again.own_frame(4).payload) == b"\2" * 64
    assert again.find_operation(bytes(17), 3) == Operation(bytes(17), 3, bytes(32), b"\3" * 64)
    assert again.find_operation(bytes(17), 6) is None
    size = (tmp_path / "journal").stat().st_size
    assert size < 6 * (64 + 400)  # the results that were sent are stored once


def test_a_journal_that_was_cut_anywhere_is_a_beginning_of_the_whole(tmp_path: Path, no_sync: None) -> None:
    path = tmp_path / "journal"
    made = journal(path, 2)
    whole, data = contents(made), path.read_bytes()
    made.close()
    for size in range(len(data)):
        for tail in (b"", bytes(40)):  # what a file system may leave: nothing, or room
            path.write_bytes(data[:size] + tail)
            found = Journal(path, KEY)
            assert contents(found) == whole[: len(contents(found))]
            found.peer(Frame(9, b"and on"))
            found.close()
            found = Journal(path, KEY)
            assert contents(found)[-1] == (EntryKind.PEER, 9, b"and on")
            found.close()


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.soak)], ids=["one in five", "all"])
def test_every_flipped_bit_of_a_journal_is_refused(tmp_path: Path, no_sync: None, step: int) -> None:
    path = tmp_path / "journal"
    made = journal(path, 1)
    data = bytearray(path.read_bytes())
    made.close()
    for bit in range(0, 8 * len(data), step):
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        with pytest.raises(InputError, match="damaged"):
            Journal(path, KEY)
        data[bit // 8] ^= 1 << bit % 8


def test_records_that_were_moved_or_are_another_sessions_are_refused(tmp_path: Path) -> None:
    made = journal(tmp_path / "journal", 2)
    made.close()
    data = (tmp_path / "journal").read_bytes()
    first = 30 + 1 + len(b"from the peer 0")
    for changed in (data[first:], data[:first] * 2 + data[first:], data + data[:first]):
        (tmp_path / "journal").write_bytes(changed)
        with pytest.raises(InputError, match="damaged"):
            Journal(tmp_path / "journal", KEY)
    (tmp_path / "journal").write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        Journal(tmp_path / "journal", bytes(32))


def test_every_flipped_bit_of_a_manifest_is_refused(tmp_path: Path) -> None:
    good = Manifest(KEY, 1_700_000_000, bytes(32), {"side": "listen"}).encode()
    assert Manifest.decode(good, tmp_path).encode() == good
    for bit in range(8 * len(good)):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InputError, match="damaged"):
            Manifest.decode(bytes(bad), tmp_path)
    for size in range(len(good)):
        with pytest.raises(InputError, match="damaged"):
            Manifest.decode(good[:size], tmp_path)


def test_a_folder_is_for_one_process_and_one_user(tmp_path: Path) -> None:
    scope = {"side": "listen"}
    held = SessionFolder(tmp_path, scope)
    with pytest.raises(UsageError, match="another program"):
        SessionFolder(tmp_path, scope)
    held.begin(KEY, 0, bytes(32))
    assert {entry.stat().st_mode & 0o777 for entry in held.path.iterdir()} == {0o600}
    assert held.path.stat().st_mode & 0o777 == 0o700
    held.close()
    held.path.chmod(0o755)
    with pytest.raises(InputError, match="nobody else"):
        SessionFolder(tmp_path, scope)


def test_the_seed_goes_first_and_the_names_are_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Path, list[str]]] = []
    monkeypatch.setattr(durable, "sync_folder", lambda path: seen.append((path, sorted(os.listdir(path)))))
    held = SessionFolder(tmp_path, {"side": "listen"})
    held.begin(KEY, 0, bytes(32))
    assert seen[1:] == [
        (held.path, ["journal", "lock"]),
        (tmp_path, [held.path.name]),
        (held.path, ["journal", "lock", "manifest"]),
    ]
    seen.clear()
    held.remove()
    assert seen == [(held.path, ["journal", "lock"])]


class NothingLost(random.Random):
    """A crash of the process, not of the machine: what was written stays."""

    def randint(self, low: int, high: int) -> int:
        return high


@pytest.fixture
def halves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[Side, Player]:
    """Two sides that have stopped half-way, on disk."""
    monkeypatch.setattr(folder, "Journal", MortalJournal)
    monkeypatch.setattr(MortalJournal, "draw", NothingLost())
    players = two_players(tmp_path / "halves", Switchboard(), OWN, PEER, stall_seconds=8.0)
    MortalJournal.fates = {player.workdir: at(24) for player in players.values()}
    for outcome in play(players).values():
        assert isinstance(outcome, Killed | TransportError)
    MortalJournal.fates = {}
    assert all(operations_in(player.workdir) for player in players.values())
    for player in players.values():
        player.stall_seconds = 1.0  # tests in which one side waits in vain
    return players


def the_folder(player: Player) -> Path:
    (found,) = player.workdir.glob("psiselect-session-*")
    return found


def test_untouched_halves_go_on(halves: dict[Side, Player]) -> None:
    assert all(right(outcome, side) for side, outcome in play(halves).items())
    assert [player.admitted for player in halves.values()] == [1, 1]  # own policy is asked once a session


def _other_list(players: dict[Side, Player]) -> None:
    players[Side.LISTEN].items[3] = b"70000"


def _one_more(players: dict[Side, Player]) -> None:
    players[Side.LISTEN].items.append(b"70000")


def _manifest_gone(players: dict[Side, Player]) -> None:
    (the_folder(players[Side.LISTEN]) / "manifest").unlink()


def _journal_gone(players: dict[Side, Player]) -> None:
    (the_folder(players[Side.LISTEN]) / "journal").unlink()


def _session_gone(players: dict[Side, Player]) -> None:
    shutil.rmtree(the_folder(players[Side.LISTEN]))


@pytest.mark.parametrize(
    ("change", "ours", "theirs"),
    [
        (_other_list, InputError, TransportError),
        (_one_more, InputError, TransportError),
        (_manifest_gone, RemoteError, RemoteError),
        (_journal_gone, InputError, TransportError),
        (_session_gone, RemoteError, RemoteError),
    ],
)
def test_what_does_not_fit_is_refused(
    halves: dict[Side, Player],
    change: Callable[[dict[Side, Player]], None],
    ours: type[PsiselectError],
    theirs: type[PsiselectError],
) -> None:
    change(halves)
    before = operations_in(halves[Side.CONNECT].workdir)
    ended = play(halves)
    assert isinstance(ended[Side.LISTEN], ours)
    assert isinstance(ended[Side.CONNECT], theirs | TransportError)
    assert operations_in(halves[Side.CONNECT].workdir) == before  # nothing was computed, and nothing is lost


def test_an_older_copy_of_a_work_directory_is_refused(halves: dict[Side, Player]) -> None:
    """A journal that has only its first record, the own HELLO: the peer knows of more."""
    path = the_folder(halves[Side.LISTEN]) / "journal"
    data = path.read_bytes()
    path.write_bytes(data[: int.from_bytes(data[:4], "big") + 30])
    for player in halves.values():
        player.stall_seconds = 10.0
    ended = play(halves)[Side.LISTEN]
    assert isinstance(ended, RemoteError)
    assert "old copy" in str(ended)


def test_two_sessions_journals_swapped(tmp_path: Path, halves: dict[Side, Player]) -> None:
    other = two_players(tmp_path / "other", Switchboard(), OWN, PEER, reveal=Reveal.COUNT, stall_seconds=8.0)
    MortalJournal.fates = {player.workdir: at(24) for player in other.values()}
    play(other)
    MortalJournal.fates = {}
    here, there = (the_folder(players[Side.LISTEN]) for players in (halves, other))
    for name in ("journal", "manifest"):
        kept = (here / name).read_bytes()
        (here / name).write_bytes((there / name).read_bytes())
        ended = play({Side.LISTEN: halves[Side.LISTEN]})[Side.LISTEN]
        assert isinstance(ended, InputError | TransportError)
        (here / name).write_bytes(kept)
    assert all(right(outcome, side) for side, outcome in play(halves).items())


def mutate(draw: random.Random, path: Path) -> None:
    """Flip a bit, cut, extend, overwrite a stretch, or empty it."""
    data = bytearray(path.read_bytes())
    place = draw.randrange(len(data))
    match draw.randrange(5):
        case 0:
            data[place] ^= 1 << draw.randrange(8)
        case 1:
            del data[place:]
        case 2:
            data += draw.randbytes(draw.randint(1, 100))
        case 3:
            data[place : place + 20] = draw.randbytes(20)
        case 4:
            del data[place : place + draw.randint(1, 100)]
    path.write_bytes(data)


def mutations(tmp_path: Path, halves: dict[Side, Player], seeds: range) -> None:
    kept = {side: tmp_path / f"kept-{side.value}" for side in Side}
    for side, player in halves.items():
        shutil.copytree(player.workdir, kept[side])
    for seed in seeds:
        draw = random.Random(seed)
        side = draw.choice(list(Side))
        for each, player in halves.items():
            shutil.rmtree(player.workdir)
            shutil.copytree(kept[each], player.workdir)
            player.stall_seconds = 0.3
        mutate(draw, the_folder(halves[side]) / draw.choice(["manifest", "journal", "journal"]))
        for each, outcome in play(halves).items():
            assert right(outcome, each) or isinstance(outcome, PsiselectError), (seed, outcome)


def test_mutated_work_directories_give_typed_errors_or_the_right_result(
    tmp_path: Path, halves: dict[Side, Player]
) -> None:
    mutations(tmp_path, halves, range(12))


@pytest.mark.soak
def test_a_thousand_mutated_work_directories(tmp_path: Path, halves: dict[Side, Player]) -> None:
    mutations(tmp_path, halves, range(1000, 2000))
