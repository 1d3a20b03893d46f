"""`connect` and `listen`: two threads over TLS, and a Python party with a process of the command."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.library import ACME, GLOBEX, MATCHED, SLOW, parties, session, threads
from support.policies import write_policy
from support.psi_processes import address, ended
from support.psi_processes import psiselect as command

import psiselect
from psiselect import CancelError, OutputError, PolicyError, RemoteError, UsageError


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    parties(folder)
    pq.write_table(pa.table(ACME), folder / "acme.parquet")
    pq.write_table(pa.table(GLOBEX), folder / "globex.parquet")
    return folder


def test_both_sides_have_one_record_and_one_learns(keys: Path) -> None:
    pair = session(keys, pa.table(ACME), pa.table(GLOBEX))
    found, other = pair.found, pair.listener
    assert found.rows.column("e").to_pylist() == MATCHED
    assert found.record == other.record
    assert found.transcript == other.transcript
    assert (found.peer, other.peer, found.learn, other.learn) == ("acme", "globex", "me", "peer")
    with pytest.raises(UsageError, match="this side does not get the result"):
        _ = other.count
    assert threads() == []


def test_each_side_may_give_columns_and_both_may_learn(keys: Path) -> None:
    both: dict[str, Any] = {"learn": "both"}
    pair = session(keys, pa.table(ACME), pa.table(GLOBEX), {**both, "send": "city"}, {**both, "receive": ["city"]})
    assert pair.found.rows.column("peer_city").to_pylist() == ["Łódź", "again", "only"]
    assert pair.listener.rows.column("mail").to_pylist() == ["Ann@Example.com", "ann@example.COM", "eve@example.org"]


@pytest.mark.parametrize("listens", ["command", "library"])
def test_a_program_and_the_command_match_with_each_other(keys: Path, tmp_path: Path, listens: str) -> None:
    """The same rows and the same record, whichever side is which."""
    frame = pa.table(GLOBEX)
    records = tmp_path / "command.json", tmp_path / "library.json"
    options = ("--backend", "portable", "--threads", "1", "--record", records[0], "--json", "--timeout", "60")
    if listens == "command":
        with command(
            *("psi", "listen", "--address", "127.0.0.1:0", "--identity", keys / "acme", "--peer", keys / "globex.crt"),
            *("--input", keys / "acme.parquet", "--key", "mail:email", *options),
        ) as process:
            found = psiselect.connect(
                *(address(process), frame), key="e:email", identity=keys / "globex", peer=keys / "acme.crt",
                record=records[1], backend="portable", threads=1,
            )  # fmt: skip
            done = ended(process)
        assert found.rows.column("e").to_pylist() == MATCHED
    else:
        ready, where, result = threading.Event(), [""], [None]

        def listening(addresses: Any) -> None:
            where[0] = addresses[0]
            ready.set()

        def wait() -> None:
            result[0] = psiselect.listen(  # type: ignore[call-overload]
                *("127.0.0.1:0", pa.table(ACME)), key="mail:email", identity=keys / "acme", peer=keys / "globex.crt",
                listening=listening, record=records[1], **SLOW,
            )  # fmt: skip

        thread = threading.Thread(target=wait)
        thread.start()
        ready.wait()
        with command(
            *("psi", "connect", where[0], "--identity", keys / "globex", "--peer", keys / "acme.crt"),
            *("--input", keys / "globex.parquet", "--key", "e:email", "--output", tmp_path / "out.csv", *options),
        ) as process:
            done = ended(process)
        thread.join()
        assert [line.split(",")[0] for line in (tmp_path / "out.csv").read_text().splitlines()] == ["e", *MATCHED]
    assert done.code == 0, done.err
    mine, theirs = (json.loads(path.read_text()) for path in records)
    assert mine == theirs


def test_many_sessions_at_once_do_not_meet(keys: Path) -> None:
    tables = [pa.table({"e": ["ann@example.com"] * n + [f"nobody{n}@example.com"]}) for n in range(1, 5)]
    with ThreadPoolExecutor(4) as pool:
        pairs = list(pool.map(lambda table: session(keys, pa.table(ACME), table), tables))
    assert [pair.found.matched_rows for pair in pairs] == [1, 2, 3, 4]
    assert len({pair.found.transcript for pair in pairs}) == 4
    assert threads() == []


def test_terms_that_differ_are_an_error_on_both_sides_that_names_the_argument(keys: Path) -> None:
    pair = session(keys, pa.table(ACME), pa.table(GLOBEX), connect={"reveal": "count"})
    for error in (pair.listener, pair.connector):
        assert isinstance(error, RemoteError)
        assert (error.term, error.exit_code, error.kind) == ("reveal", 4, "peer")
        assert "--" not in str(error)


def test_a_policy_that_gives_no_rows_is_obeyed(keys: Path, tmp_path: Path) -> None:
    psiselect.Identity.create("here", tmp_path)
    acme = psiselect.Identity.load(keys / "acme").fingerprint.hex()
    mine = psiselect.Identity.load(tmp_path / "here").fingerprint.hex()
    policy = write_policy(tmp_path, "here", reveal='["matches"]', columns='["e"]', output_rows="false", min_matches="0")
    policy.write_text(policy.read_text().replace(mine, acme))
    here = {"key": "e:email", "identity": keys / "globex", "peer": keys / "acme.crt", "policy": policy}
    with pytest.raises(PolicyError, match=r"'output_rows' is false. .* rows=False") as raised:
        psiselect.connect("127.0.0.1:9", pa.table(GLOBEX), **here)  # type: ignore[arg-type]
    assert raised.value.exit_code == 6
    pair = session(keys, pa.table(ACME), pa.table(GLOBEX), connect={"policy": policy, "rows": False})
    assert pair.found.count == 2


def test_an_output_that_fails_after_the_session_comes_with_the_result(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OutputError("no space")

    monkeypatch.setattr("psi.session.job.tables.write_rows", full)
    options = {"output": tmp_path / "out.csv", "workdir": tmp_path}
    pair = session(keys, pa.table(ACME), pa.table(GLOBEX), connect=options)
    assert isinstance(pair.connector, OutputError)
    result: Any = pair.connector.result
    assert result.count == 2


@pytest.mark.parametrize("waits", ["for a caller", "works only with a listener", "for the peer's turn"])
def test_an_event_ends_every_wait(keys: Path, tmp_path: Path, waits: str) -> None:
    cancel = threading.Event()
    both: dict[str, Any] = {"key": "e:email", "identity": keys / "globex", "peer": keys / "acme.crt"}
    both |= {"cancel": cancel, "audit": tmp_path / "audit.log", "output": tmp_path / "out.csv"}
    with contextlib.ExitStack() as stack:
        if waits == "for a caller":
            both.pop("output")
            call, where = psiselect.listen, "127.0.0.1:0"
            both["listening"] = lambda addresses: cancel.set()
        elif waits == "works only with a listener":
            call, where = psiselect.connect, "127.0.0.1:9"
            timer = threading.Timer(0.05, cancel.set)
            stack.callback(timer.join)
            timer.start()
        else:  # the peer is let in, and says nothing
            from psi.identity.identity import Identity, PeerIdentity
            from psi.transport.tls import Listener

            pins = [PeerIdentity.load(keys / "globex.crt")]
            listener = stack.enter_context(Listener("127.0.0.1:0", Identity.load(keys / "acme"), pins, timeout=60))
            call, where = psiselect.connect, listener.address

            # A first call is made before the wait for the peer's first message, and none while it lasts.
            waiting = threading.Event()
            both["progress"] = lambda done, total: waiting.set()

            def accept() -> None:
                stack.callback(listener.accept(60).close)
                waiting.wait(60)
                cancel.set()

            thread = threading.Thread(target=accept)
            thread.start()
            stack.callback(thread.join)
        with pytest.raises(CancelError, match="Nothing was written, and there is no result"):
            call(where, pa.table(GLOBEX), timeout=10, **both, **SLOW)  # type: ignore[operator]
    assert not (tmp_path / "out.csv").exists()
    assert threads() == []
    if waits == "for the peer's turn":
        line = json.loads((tmp_path / "audit.log").read_text())
        assert (line["outcome"], line["error"]["kind"]) == ("failed", "cancelled")


def test_a_session_that_was_cut_goes_on_with_the_same_call(keys: Path, tmp_path: Path) -> None:
    """The listener waits for its peer again; a session begun anew would be refused."""
    cancel, calls, cut = threading.Event(), threading.Event(), []
    kept = {name: {"resume": True, "workdir": tmp_path / name} for name in ("acme", "globex")}
    for name in kept:
        (tmp_path / name).mkdir()

    def call(address: str, **more: Any) -> Any:
        return psiselect.connect(
            *(address, pa.table(GLOBEX)), key="e:email", identity=keys / "globex", peer=keys / "acme.crt",
            timeout=60, **kept["globex"], **more, **SLOW,
        )  # fmt: skip

    def cut_first(addresses: Any) -> None:
        def meet() -> None:
            try:
                call(addresses[0], cancel=cancel, progress=lambda done, total: cancel.set())
            except CancelError as error:
                cut.append(error)
            cut.append(call(addresses[0]))
            calls.set()

        threading.Thread(target=meet).start()

    waited = psiselect.listen(
        *("127.0.0.1:0", pa.table(ACME)), key="mail:email", identity=keys / "acme", peer=keys / "globex.crt",
        listening=cut_first, timeout=60, **kept["acme"], **SLOW,
    )  # fmt: skip
    assert calls.wait(60)
    stopped, found = cut
    assert str(tmp_path / "globex" / "psiselect-session-") in str(stopped)
    assert "is kept in" in str(stopped)
    assert "make the same call again" in str(stopped)
    assert (found.count, found.record) == (2, waited.record)
    assert [list((tmp_path / name).iterdir()) for name in kept] == [[], []]


def test_a_table_is_read_no_further_when_it_is_cancelled(keys: Path) -> None:
    cancel = threading.Event()
    table = pa.table({"e": [f"{n}@example.com" for n in range(200_000)]})
    cancel.set()
    with pytest.raises(CancelError):
        psiselect.match(table, table, key="e:email", cancel=cancel, **SLOW)  # type: ignore[call-overload]


def test_with_an_event_loop(keys: Path) -> None:
    async def both() -> tuple[Any, Any]:
        loop = asyncio.get_running_loop()
        where: asyncio.Future[str] = loop.create_future()
        waiting = asyncio.create_task(
            psiselect.listen_async(
                *("127.0.0.1:0", pa.table(ACME)), key="mail:email", identity=keys / "acme", peer=keys / "globex.crt",
                listening=lambda a: loop.call_soon_threadsafe(where.set_result, a[0]), backend="portable", threads=1,
            )
        )  # fmt: skip
        found = await psiselect.connect_async(
            *(await where, pa.table(GLOBEX)), key="e:email", identity=keys / "globex", peer=keys / "acme.crt",
            backend="portable", threads=1,
        )  # fmt: skip
        return found, await waiting

    found, other = asyncio.run(both())
    assert found.count == 2
    assert found.record == other.record


def test_a_task_that_is_cancelled_leaves_no_thread_behind(keys: Path) -> None:
    async def given_up() -> None:
        ready = asyncio.Event()
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(
            psiselect.listen_async(
                *("127.0.0.1:0", pa.table(ACME)), key="mail:email", identity=keys / "acme", peer=keys / "globex.crt",
                listening=lambda a: loop.call_soon_threadsafe(ready.set),
            )
        )  # fmt: skip
        await ready.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert threads() == []

    asyncio.run(given_up())


@pytest.mark.parametrize("loop", ["none", "closed"])
def test_without_a_running_loop_it_says_what_to_do(keys: Path, loop: str) -> None:
    made = asyncio.new_event_loop()
    made.close()
    if loop == "closed":
        asyncio._set_running_loop(made)
    waiting = psiselect.connect_async(
        *("127.0.0.1:9", pa.table(GLOBEX)), key="e:email", identity=keys / "globex", peer=keys / "acme.crt"
    )
    try:
        with pytest.raises(UsageError, match=r"connect_async\(\) works only in an asyncio program. Await it inside"):
            waiting.send(None)
    finally:
        asyncio._set_running_loop(None)
