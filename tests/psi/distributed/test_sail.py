"""Steps on Sail: the plain join's matches; faults are typed; no secret in a plan, a log or a file."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.attempts import guises, noted
from support.checkout import environment
from support.entropy import FixedEntropy
from support.exchanged import SEED, Pair
from support.in_parts import InParts
from support.parties import terms

from psi.agreement.modes import Reveal, Side
from psi.distributed import engines, packs, parties, secret_files, steps
from psi.distributed.engines import EngineAddress, EngineKind
from psi.distributed.functions import HashAndMask
from psi.distributed.parties import Engine
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import FIELD_PRIME
from psi.identity.identity import Identity
from psi.normalize import parse_key
from psi.offline import by_parts, chunks, directory, manifest
from psi.offline.envelope import NO_FILE, FileKind
from psi.offline.manifest import ManifestReader
from psi.protocol import messages
from psi.session.job import token_prefix
from psiselect.base.errors import InputError, RemoteError
from psiselect.base.seeded import SeededEntropy

KEY = parse_key("id:raw")
OWN = [b"k%d" % n for n in range(60)]
PEER = [b"k%d" % n for n in range(40, 110)]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> dict[Side, Identity]:
    folder = tmp_path_factory.mktemp("people")
    return {Side.CONNECT: Identity.create("acme", folder), Side.LISTEN: Identity.create("globex", folder)}


class OnSail(InParts):
    """The same steps, on an engine."""

    session: Any

    def engine(self, name: str) -> Engine:
        return Engine(self.session, str(self.folder / f"{name}-work"), self.folder)

    def gathered(self, name: str, items: list[bytes]) -> Any:
        rows = pa.table({"id": [item.decode() for item in items] + ["", items[0].decode()]})
        pq.write_table(rows, self.folder / f"{name}.parquet")
        source = self.session.read.parquet(str(self.folder / f"{name}.parquet"))
        return steps.gathered(self.session, source, KEY, (), str(self.folder / f"{name}-work" / "list-1"))

    def sail_offer(self, name: str = "offer") -> tuple[Path, bytes]:
        lists = [self.gathered(name, OWN)]
        key, setup = bytes(range(32)), self.pair.offerer(OWN, entropy=SeededEntropy(SEED))
        made = parties.offer(self.engine(name), setup, lists, (KEY,), str(self.folder / name), key)
        content = made.begun, key, made.columns, None
        self._list(name, FileKind.OFFER_MANIFEST, NO_FILE, content)
        return self.folder / name, made.contents

    def sail_answer(self, offer: Path, name: str = "answer") -> Path:
        lists, key = [self.gathered(name, PEER)], bytes(range(32))
        file = self.read(FileKind.OFFER_MANIFEST, offer)
        offered = file.id, ManifestReader(file), str(offer)
        made = parties.answer(
            self.engine(name), self.pair.answerer(PEER), lists, (KEY,), offered, str(self.folder / name), key
        )
        self._list(name, FileKind.ANSWER_MANIFEST, file.id, (made.begun, key, made.columns, made.signature))
        return self.folder / name

    def sail_finish(self, offer: Path, contents: bytes, answer: Path) -> tuple[tuple[int, ...], set[bytes]]:
        setup = self.pair.offerer(OWN, entropy=SeededEntropy(SEED))
        answered = ManifestReader(self.read(FileKind.ANSWER_MANIFEST, answer)), str(answer)
        offered = self.read(FileKind.OFFER_MANIFEST, offer).id, contents
        made = parties.finish(self.engine("offer"), setup, (KEY,), offered, answered)
        return made.counts, {bytes(row["key"] or b"") for row in made.matched[0].collect()}

    def _list(self, name: str, kind: FileKind, previous: bytes, content: Any) -> None:
        whom = self.pair.people[kind.side], self.pair.people[kind.side.other].public
        made, _ = manifest.write(kind, *whom, previous, FixedEntropy(name), content)
        pq.write_table(
            pa.table({"manifest": pa.array([made], pa.binary())}),
            self.folder / name / directory.MANIFEST,
            compression="none",
        )


def on_sail(people: dict[Side, Identity], session: Any, folder: Path, reveal: Reveal) -> OnSail:
    found = OnSail(Pair(people, terms(reveal=reveal)), folder)
    found.session = session
    return found


@pytest.fixture(autouse=True)
def prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test parties of one machine hash under another prefix than a job's."""
    monkeypatch.setattr(parties, "token_prefix", lambda number, key: b"\x01")


@pytest.mark.parametrize("reveal", [Reveal.MATCHES, Reveal.COUNT])
def test_steps_on_sail_find_the_plain_joins_matches(
    people: dict[Side, Identity], session: Any, tmp_path: Path, reveal: Reveal
) -> None:
    both = on_sail(people, session, tmp_path, reveal)
    offer, contents = both.sail_offer()
    answer = both.sail_answer(offer)
    common = set(OWN) & set(PEER)
    counts, keys = both.sail_finish(offer, contents, answer)
    assert counts == (len(common),)
    assert keys == (common if reveal is Reveal.MATCHES else {b""})


def test_blank_and_duplicate_rows_are_counted(people: dict[Side, Identity], session: Any, tmp_path: Path) -> None:
    rows = on_sail(people, session, tmp_path, Reveal.MATCHES).gathered("own", OWN).collect()
    assert [row["many"] for row in rows if row["key"] is None] == [1]
    (row,) = (row for row in rows if row["key"] is not None)
    assert (row["distinct"], row["many"]) == (len(OWN), len(OWN) + 1)
    keys, times = packs.keys(pa.array([row["key"]])), packs.numbers(pa.array([row["rows"]]))
    found = {keys[place]: int(times[place]) for place in range(len(keys))}
    assert found == dict.fromkeys(OWN, 1) | {OWN[0]: 2}


def test_a_key_in_several_files_and_one_of_several_buckets_is_one_key(
    session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "_BUCKET_VALUES", 32)
    (tmp_path / "own").mkdir()
    for number in range(4):
        pq.write_table(pa.table({"id": [item.decode() for item in OWN]}), tmp_path / "own" / f"part-{number}.parquet")
    source = session.read.parquet(str(tmp_path / "own"))
    found = steps.gathered(session, source, KEY, (), str(tmp_path / "list"))
    rows = found.collect()
    assert [sum(row[name] for row in rows) for name in ("distinct", "many")] == [len(OWN), 4 * len(OWN)]
    assert len(rows) == len({row["bucket"] for row in rows}) == 7


def test_a_harmed_part_is_one_typed_error(people: dict[Side, Identity], session: Any, tmp_path: Path) -> None:
    both = on_sail(people, session, tmp_path, Reveal.MATCHES)
    offer, _ = both.offer(items=OWN)
    (part,) = (offer / "elements-1").iterdir()
    (sealed,) = pq.read_table(part)["sealed"].to_pylist()
    for rows in ([sealed[:-1] + bytes([sealed[-1] ^ 1])], [sealed, sealed], [b""]):
        pq.write_table(pa.table({"sealed": pa.array(rows, pa.binary())}), part, compression="none")
        with pytest.raises(RemoteError):
            both.sail_answer(offer, f"answer-{len(rows)}-{len(rows[0])}-{rows[0][-1:].hex()}")
    assert not list(tmp_path.glob("answer*/manifest*"))
    assert not list(tmp_path.glob(".psiselect-*"))  # no secret stays behind


def test_a_chunk_that_is_missing_or_in_two_files_is_one_typed_error(
    people: dict[Side, Identity], session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether one task sees both or two tasks see one each."""
    monkeypatch.setattr(packs, "_BUCKET_VALUES", 16)
    both = on_sail(people, session, tmp_path, Reveal.MATCHES)
    offer, _ = both.sail_offer()
    parts = sorted((offer / "elements-1").glob("*.parquet"))
    cells = [cell for part in parts for cell in pq.read_table(part)["sealed"].to_pylist()]
    assert len(cells) == 3
    for part in parts:
        part.unlink()
    for number, chosen in enumerate(([[0, 1]], [[0, 1], [1, 2]], [[0], [1], [2], [0]])):
        for place, some in enumerate(chosen):
            rows = pa.table({"sealed": pa.array([cells[each] for each in some], pa.binary())})
            pq.write_table(rows, offer / "elements-1" / f"part-{place}.parquet", compression="none")
        with pytest.raises(RemoteError, match=r"does not match the directory's list|twice"):
            both.sail_answer(offer, f"answer-{number}")
        assert not list((tmp_path / f"answer-{number}").glob("*"))


def test_a_damaged_chunk_of_replies_is_what_the_error_names(
    people: dict[Side, Identity], session: Any, tmp_path: Path
) -> None:
    """Own elements lack replies then, but that is not the peer's program."""
    both = on_sail(people, session, tmp_path, Reveal.MATCHES)
    offer, contents = both.sail_offer()
    answer = both.sail_answer(offer)
    (part,) = (answer / "replies-1").glob("*.parquet")
    (sealed,) = pq.read_table(part)["sealed"].to_pylist()
    for cells, said in (([sealed[:-1] + bytes([sealed[-1] ^ 1])], "cannot decrypt"), ([], "not match the directory")):
        pq.write_table(pa.table({"sealed": pa.array(cells, pa.binary())}), part, compression="none")
        shutil.rmtree(tmp_path / "offer-work" / "matched-1", ignore_errors=True)
        with pytest.raises(RemoteError, match=said):
            both.sail_finish(offer, contents, answer)


def test_several_buckets_ascend_as_one(
    people: dict[Side, Identity], session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "_BUCKET_VALUES", 16)  # three buckets of elements, four of tags
    both = on_sail(people, session, tmp_path, Reveal.MATCHES)
    offer, contents = both.sail_offer()
    assert (
        len(ManifestReader(both.read(FileKind.OFFER_MANIFEST, offer)).column(chunks.elements_form(1), 60).entries) == 3
    )
    counts, keys = both.sail_finish(offer, contents, both.sail_answer(offer))
    assert (counts, keys) == ((20,), set(OWN) & set(PEER))


@pytest.mark.parametrize("reveal", [Reveal.MATCHES, Reveal.COUNT])
def test_one_machine_reads_what_tasks_with_several_buckets_each_wrote(
    people: dict[Side, Identity], session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reveal: Reveal
) -> None:
    """Their files have chunks that do not follow each other."""
    monkeypatch.setattr(packs, "_BUCKET_VALUES", 6)  # ten buckets
    both = on_sail(people, session, tmp_path, reveal)
    offer, contents = both.sail_offer()
    answer, _ = both.answer(offer, items=PEER)
    assert both.sail_finish(offer, contents, answer)[0] == (20,)
    offer, contents = both.offer("theirs", items=OWN)
    outcome = both.finish(offer, contents, both.sail_answer(offer, "ours"), items=OWN).outcome
    assert outcome.counts == (20,)


def first_is(value: bytes) -> Any:
    """Of a column, with another first value: a peer that signs what the protocol does not allow."""

    def changed(real: Any) -> Any:
        def made(*given: Any) -> Any:
            values = np.concatenate(list(real(*given)))
            values[0, -len(value) :] = np.frombuffer(value, np.uint8)
            return iter([np.array(sorted(values.tolist()), np.uint8)])

        return made

    return changed


def alike(real: Any) -> Any:
    """Of a column, with values that begin alike: a peer that wants one task to have all of them."""

    def made(*given: Any) -> Any:
        values = np.concatenate(list(real(*given)))
        values[:, :2] = 7
        return iter([np.array(sorted(values.tolist()), np.uint8)])

    return made


def first_again(real: Any) -> Any:
    """Of a column, with the other guise of its first value, which has the same product, for its last one."""

    def made(*given: Any) -> Any:
        values = np.concatenate(list(real(*given)))
        guise = pow(int.from_bytes(values[0].tobytes(), "little"), -1, FIELD_PRIME).to_bytes(32, "little")
        values[-1] = np.frombuffer(guise, np.uint8)
        return iter([np.array(sorted(values.tolist()), np.uint8)])

    return made


def test_an_element_of_small_order_is_one_typed_error(
    people: dict[Side, Identity], session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_parts, "_elements", first_is(bytes(32))(by_parts._elements))
    both = on_sail(people, session, tmp_path, Reveal.MATCHES)
    offer, _ = both.offer(items=OWN)
    with pytest.raises(RemoteError, match="low order"):
        both.sail_answer(offer)
    assert not (tmp_path / "answer" / directory.MANIFEST).exists()


@pytest.mark.parametrize(
    ("reveal", "change", "said"),
    [
        (Reveal.MATCHES, first_is(bytes(32)), "low order"),
        (Reveal.COUNT, first_is(bytes(32)), "low order"),
        (Reveal.COUNT, first_again, "does not have one value for each value of the offer"),
        (Reveal.MATCHES, first_is(bytes(48)), "does not have one value for each value of the offer"),
    ],
)
def test_replies_that_the_protocol_does_not_allow_are_one_typed_error(
    people: dict[Side, Identity], session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reveal: Reveal,
    change: Any, said: str,
) -> None:  # fmt: skip
    both = on_sail(people, session, tmp_path, reveal)
    offer, contents = both.sail_offer()
    monkeypatch.setattr(by_parts, "_replies", change(by_parts._replies))
    answer, _ = both.answer(offer, items=PEER)
    with pytest.raises(RemoteError, match=said):
        both.sail_finish(offer, contents, answer)


@pytest.mark.parametrize("column", ["elements", "replies", "tags"])
@pytest.mark.parametrize("reveal", [Reveal.MATCHES, Reveal.COUNT])
def test_a_column_that_would_be_one_tasks_is_refused_by_its_list(
    people: dict[Side, Identity], session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reveal: Reveal,
    column: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(packs, "_BUCKET_VALUES", 6)
    both = on_sail(people, session, tmp_path, reveal)
    offer, contents = both.sail_offer()
    monkeypatch.setattr(by_parts, f"_{column}", alike(getattr(by_parts, f"_{column}")))
    monkeypatch.setattr(steps, "opened", lambda *given: pytest.fail("a chunk was opened"))
    came, _ = both.offer("theirs", items=OWN) if column == "elements" else both.answer(offer, items=PEER)
    with pytest.raises(RemoteError, match=f"values of '{column}-1' are not random"):
        _ = both.sail_answer(came) if column == "elements" else both.sail_finish(offer, contents, came)


def test_a_tag_that_is_there_often_is_one_match(
    people: dict[Side, Identity], session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = on_sail(people, session, tmp_path, Reveal.MATCHES)
    offer, contents = both.sail_offer()
    real = by_parts._tags

    def repeated(*given: Any) -> Any:
        values = np.concatenate(list(real(*given)))
        return iter([np.repeat(values[:35], 2, axis=0)])

    monkeypatch.setattr(by_parts, "_tags", repeated)
    answer, _ = both.answer(offer, items=PEER)
    (count,), keys = both.sail_finish(offer, contents, answer)
    assert 0 < count == len(keys) < 20


def test_a_session_for_sail_leaves_this_process_to_spark(session: Any) -> None:
    with engines.opened(EngineAddress(EngineKind.SAIL, accept_plain=True)) as opened:
        assert opened.sql("SELECT 1 AS one").collect()[0]["one"] == 1
    assert "SPARK_CONNECT_MODE_ENABLED" not in os.environ


def test_secrets_are_private_files_and_a_plan_has_only_their_path(tmp_path: Path) -> None:
    planted = b"canary-of-thirty-two-bytes......"
    with secret_files.kept(tmp_path, {"mask": planted}) as path:
        assert secret_files.read(path) == {"mask": planted}
        pickled = io.BytesIO()
        pickle.dump(HashAndMask(path, token_prefix(1, KEY), 1), pickled)
        assert planted not in pickled.getvalue()
        assert planted.hex().encode() not in pickled.getvalue()
        assert path.encode() in pickled.getvalue()
        Path(path).chmod(0o644)
        with pytest.raises(InputError, match="others can read"):
            secret_files.read(path)
    assert not Path(path).exists()
    with pytest.raises(InputError, match=r"cannot read .*, the file with the secrets of this run"):
        secret_files.read(path)


CANARY = "canary-4f1c@example.org"


def offer_that_tells_all(folder: Path, *program: str) -> subprocess.CompletedProcess[bytes]:
    """The command, with a canary in its list, in a Sail that logs everything."""
    (folder / "own.csv").write_text("mail\n" + "".join(f"{name}\n" for name in [CANARY, "b@example.org"]))
    (folder / "tmp").mkdir()
    own, peer = Identity.create("globex", folder), Identity.create("acme", folder)
    command = ["psi", "offer", "--identity", own.name, "--peer", f"{peer.name}.crt", "--input", "own.csv", "--key"]
    command += ["mail:email", "--out", "offer", "--state", "state", "--engine", "sail", "--accept-plain-shuffle"]
    return subprocess.run(
        [sys.executable, *program, *command],
        cwd=folder,
        env=environment() | {"RUST_LOG": "debug", "TMPDIR": str(folder / "tmp")},
        capture_output=True,
    )


def test_no_secret_is_in_the_log_or_the_files_of_a_sail_that_was_killed(tmp_path: Path, session: Any) -> None:
    """In the middle of a task; its process is the driver's. Keys of the list may be in its files, as the page says."""
    program = "from support.attempts import command; command()"
    done = offer_that_tells_all(tmp_path, "-c", program, str(tmp_path), "HashAndMask")
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "marker").exists()
    assert not (tmp_path / "offer" / directory.MANIFEST).exists()
    secrets, log = noted(tmp_path), done.stderr
    assert len(secrets) == 2
    assert b"HashAndMask" in log or len(log) > 20_000
    assert CANARY.encode() not in log
    for content in (log, *(path.read_bytes() for path in (tmp_path / "tmp").rglob("*") if path.is_file())):
        assert [guise for secret in secrets for guise in guises(secret) if guise in content] == []


def test_no_secret_and_no_key_is_in_the_log_or_the_files_of_a_sail_that_tells_all(tmp_path: Path, session: Any) -> None:
    done = offer_that_tells_all(tmp_path, "-m", "psiselect")
    assert done.returncode == 0
    entropy = SeededEntropy(bytes.fromhex(json.loads((tmp_path / "state").read_text())["seed"]))
    entropy.read(messages.NONCE_BYTES)
    mask = bytes(Scalar.draw(entropy).key)
    assert len(done.stderr) > 50_000
    for content in (done.stderr, *(path.read_bytes() for path in (tmp_path / "tmp").rglob("*") if path.is_file())):
        assert CANARY.encode() not in content
        assert [guise for guise in guises(mask) if guise in content] == []
