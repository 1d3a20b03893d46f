"""`serve`: a listener in a thread of this process, and peers that call it."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas
import pyarrow as pa
import pytest
from support.library import ACME, GLOBEX, MATCHED, SLOW, parties, threads

import psiselect
from psiselect import InputError, PolicyError, RemoteError, UsageError


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    parties(folder)
    return folder


@dataclass
class Service:
    """Acme's listener. heard: what `found` and `refused` were called with."""

    keys: Path
    address: str = ""
    heard: list[Any] = field(default_factory=list)
    ended: Any = None

    def call(self, **more: Any) -> Any:
        return psiselect.connect(
            self.address, pa.table(GLOBEX), key="e:email", identity=self.keys / "globex", peer=self.keys / "acme.crt",
            timeout=60, **{**SLOW, **more},
        )  # fmt: skip

    def after(self, number: int) -> list[Any]:
        """What was heard, when it is so much: the peer's side of a session ends before this side's."""
        deadline = time.monotonic() + 60
        while len(self.heard) < number:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        return self.heard


@contextlib.contextmanager
def serving(keys: Path, table: Any = None, **more: Any) -> Iterator[Service]:
    """A listener, which is told to stop at the end."""
    service, ready, cancel = Service(keys), threading.Event(), threading.Event()

    def listening(addresses: Any) -> None:
        service.address = addresses[0]
        ready.set()

    def stay() -> None:
        try:
            service.ended = psiselect.serve(
                "127.0.0.1:0", pa.table(ACME) if table is None else table, key="mail:email",
                identity=keys / "acme", peer=keys / "globex.crt", listening=listening, cancel=cancel,
                **{"found": service.heard.append, "timeout": 60, **SLOW, **more},
            )  # fmt: skip
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            service.ended = error
        finally:
            ready.set()

    thread = threading.Thread(target=stay)
    thread.start()
    assert ready.wait(60)
    try:
        yield service
    finally:
        cancel.set()
        thread.join(60)
        assert not thread.is_alive()


def test_each_peer_that_calls_has_a_session(keys: Path, tmp_path: Path) -> None:
    with serving(keys, audit=tmp_path / "audit.log", record=tmp_path) as service:
        first, second = service.call(), service.call()
        found = service.after(2)
        records = sorted(tmp_path.glob("*.json"))
    assert [first.rows.column("e").to_pylist(), second.count] == [MATCHED, 2]
    assert [each.transcript for each in found] == [first.transcript, second.transcript]
    assert [(each.peer, each.learn, each.record) for each in found] == [
        ("globex", "peer", first.record), ("globex", "peer", second.record),
    ]  # fmt: skip
    assert service.ended == psiselect.ServiceEnd(done=2, failed=0, left=0)
    assert service.ended.to_dict() == {"done": 2, "failed": 0, "left": 0}
    assert len((tmp_path / "audit.log").read_text().splitlines()) == 2
    assert len(records) == 2
    assert threads() == []


def test_a_listener_that_learns_gets_frames(keys: Path) -> None:
    with serving(keys, pandas.DataFrame(ACME), learn="me") as service:
        service.call(learn="peer")
        (found,) = service.after(1)
    assert found.frame["city"].tolist() == ["Łódź", "again", "only"]


def test_without_rows_none_are_read(keys: Path) -> None:
    with serving(keys, learn="me", rows=False) as service:
        service.call(learn="peer")
        (found,) = service.after(1)
    assert found.count == 2
    with pytest.raises(UsageError, match="Call the function with rows=True"):
        _ = found.rows


def test_a_result_that_is_withheld_is_told_and_counts_as_done(keys: Path) -> None:
    told: list[Any] = []
    with serving(keys, learn="me", min_matches=50, refused=lambda *what: told.append(what)) as service:
        service.call(learn="peer", min_matches=50)
    ((peer, error),) = told
    assert peer == "globex"
    assert isinstance(error, PolicyError)
    assert (service.heard, service.ended.done) == ([], 1)


def test_what_a_program_raises_ends_nothing(keys: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fails(result: Any) -> None:
        raise ValueError("no")

    with serving(keys, found=fails) as service:
        assert [service.call().count, service.call().count] == [2, 2]
    assert service.ended.done == 2
    assert [record.event for record in caplog.records if record.levelname == "ERROR"] == ["session_failed"] * 2


def test_a_session_that_fails_ends_no_other(keys: Path) -> None:
    with serving(keys) as service:
        with pytest.raises(RemoteError, match="the two sides disagree on"):
            service.call(reveal="count")
        assert service.call().count == 2
    assert (service.ended.done, service.ended.failed) == (1, 1)


def test_health_is_answered(keys: Path, caplog: pytest.LogCaptureFixture) -> None:
    import urllib.request

    caplog.set_level("INFO", "psiselect")
    with serving(keys, health="127.0.0.1:0"):
        (place,) = (record.fields["address"] for record in caplog.records if getattr(record, "event", "") == "health")
        with urllib.request.urlopen(f"http://{place}/readyz", timeout=30) as page:
            assert json.load(page)["status"] == "serving"


def test_what_ends_the_program_ends_its_sessions(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("psiselect.matching.serving._watch", interrupted)
    with serving(keys) as service:
        pass
    assert isinstance(service.ended, KeyboardInterrupt)
    assert threads() == []


REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no address": ({"address": []}, UsageError, "address= is an empty list. Put at least one"),
    "resume": ({"resume": True}, UsageError, "cannot resume sessions. Leave out resume=, or"),
    "one file for all": (
        {"learn": "me", "output": "out.csv"},
        UsageError,
        "Name a folder that exists, or a file",
    ),
    "found": ({"found": 5}, UsageError, "found= must be a function, not int"),
    "cancel": ({"cancel": True}, UsageError, r"cancel= must be a threading\.Event"),
    "no sessions": ({"max_sessions": 0}, UsageError, "max_sessions= must be a whole number of at least 1"),
    "no time": ({"max_duration": 0}, UsageError, "max_duration= must be a number of seconds above 0"),
    "health": ({"health": 7080}, UsageError, "health= must be a string, not int"),
    "an unknown option": (
        {"max_session": 3},
        UsageError,
        r"serve\(\) has no argument max_session=\. Did you mean max_s",
    ),
    "a table that is not there": ({"table": "none.csv"}, InputError, "none.csv"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_call_that_makes_no_sense_says_what_to_do(keys: Path, case: str) -> None:
    changes, error, words = REFUSED[case]
    usual: dict[str, Any] = {"address": "127.0.0.1:0", "table": pa.table(ACME), "key": "mail:email"}
    usual |= {"identity": keys / "acme", "peer": keys / "globex.crt"}
    with pytest.raises(error, match=words) as raised:
        psiselect.serve(**{**usual, **changes})
    assert "--" not in str(raised.value)
