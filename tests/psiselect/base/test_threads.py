"""Where the system grants no thread, every command says so and ends with exit code 5; nothing hangs."""

from __future__ import annotations

import ast
import json
import threading
from pathlib import Path

import pytest
from support.checkout import ROOT

from cli import main as program
from psi.transport.address import Address
from psi.transport.health import Health, HealthServer
from psiselect.base import threads
from psiselect.base.errors import ResourceError

WORDS = "does not let this user start any more threads"


class Limit:
    """The system grants so many threads and no more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 1 << 30
        plain = threading.Thread.start

        def start(thread: threading.Thread) -> None:
            if self.left <= 0:
                raise RuntimeError("can't start new thread")
            self.left -= 1
            plain(thread)

        monkeypatch.setattr(threading.Thread, "start", start)


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> Limit:
    return Limit(monkeypatch)


def test_a_thread_that_is_refused_is_said_in_words(limit: Limit) -> None:
    began = threading.Event()
    threads.start(began.set, name="psiselect-test").join()
    assert began.is_set()
    limit.left = 0
    with pytest.raises(ResourceError, match=WORDS):
        threads.start(began.set, name="psiselect-test")


def test_errors_of_other_kinds_stay_what_they_are() -> None:
    class ArrowException(Exception):
        """Of no kind of its own."""

    with pytest.raises(RuntimeError, match="other"), threads.granted():
        raise RuntimeError("other")
    with pytest.raises(ResourceError, match=WORDS), threads.granted():
        raise ArrowException("Unknown error: Failed to launch worker thread: Resource temporarily unavailable")


@pytest.mark.parametrize("granted", [0, 1, 2])
def test_a_pool_has_all_its_threads_or_none(limit: Limit, granted: int) -> None:
    before = threading.active_count()
    limit.left = granted
    with pytest.raises(ResourceError, match=WORDS):
        threads.pool(3, "psiselect-test")
    assert threading.active_count() == before
    limit.left = 3
    with threads.pool(3, "psiselect-test") as pool:
        assert limit.left == 0
        assert [pool.submit(pow, 2, n).result() for n in range(5)] == [1, 2, 4, 8, 16]
    limit.left = 2
    threads.require(2)
    with pytest.raises(ResourceError):
        threads.require(1)


def test_a_health_check_that_gets_no_thread_leaves_its_address_free(limit: Limit) -> None:
    limit.left = 0
    with pytest.raises(ResourceError):
        HealthServer(Address("127.0.0.1", 0), lambda: Health(True, {}))


def commands(folder: Path) -> list[list[object]]:
    from psi.identity.identity import Identity

    for name in ("acme", "globex"):
        Identity.create(name, folder)
    for name in ("a", "b"):
        (folder / f"{name}.csv").write_text("mail\n" + "".join(f"p{i}@example.com\n" for i in range(3)))
    listen = [
        *("psi", "listen", "--address", "127.0.0.1:0", "--identity", folder / "acme", "--peer", folder / "globex.crt"),
        *("--input", folder / "a.csv", "--key", "mail"),
    ]
    return [["psi", "local", folder / "a.csv", folder / "b.csv", "--key", "mail"], listen, [*listen, "--serve"]]


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("granted", [0, 8, 16])
def test_a_command_ends_with_code_5(
    which: int,
    granted: int,
    tmp_path: Path,
    limit: Limit,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Before the table is read, or when the session or the listener begins: each table asks for eight."""
    words = commands(tmp_path)[which]
    monkeypatch.setattr("sys.argv", ["psiselect", *map(str, words), "--json"])
    monkeypatch.setattr(program._signals, "install", lambda: None)
    limit.left = granted
    with pytest.raises(SystemExit) as ended:
        program.main()
    error = json.loads(capsys.readouterr().out.splitlines()[-1])["error"]
    assert (ended.value.code, error["code"], error["kind"]) == (5, 5, "resource")
    assert WORDS in error["message"]


def test_threads_are_started_in_one_place() -> None:
    """Others might be refused without a word. Those of the demo are covered by `main`."""
    found = set()
    for package in ("psi", "mpc", "cli", "dpselect"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in (
                    "Thread",
                    "ThreadPoolExecutor",
                ):
                    found.add(path.relative_to(ROOT).as_posix())
    assert found == {"cli/demo/command.py"}
