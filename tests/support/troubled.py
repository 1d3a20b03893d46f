"""A listener that keeps running, as a process, and what can happen to it: each trouble comes and goes."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import resource
import shutil
import signal
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from psi.identity.identity import Identity
from psi.transport.tls import connect
from support import rawtls
from support.hostile import Horde
from support.mpc_processes import free_port
from support.policies import write_policy
from support.processes import Process
from support.served import options_of
from support.small_disk import SmallDisk

PATIENCE = 90.0  # seconds until what hangs fails the test; nothing depends on it otherwise
_PIPE_BYTES = 4096
_COMMON = ("ann@example.com", "eve@example.org", "zoe@example.net")  # keys that Globex has
_LEARN = ("--learn", "both")


@dataclass(frozen=True)
class Trouble:
    """come: it is there inside the block. refused: whether honest sessions may be refused meanwhile, which is told by
    the listener or for want of a link. deaf: whether nobody is heard meanwhile."""

    come: Callable[[], AbstractContextManager[None]]
    refused: bool = False
    deaf: bool = False


class TroubledListener:
    """Acme's listener, over a database or a file. Its log goes to stderr in the latter case, else to a file.

    disk: where results and audit lines go, if there is one to fill.
    """

    def __init__(self, place: Path, *, database: bool, disk: SmallDisk | None) -> None:
        self.place, self.disk, self._database = place, disk, database
        self.kept = place / "kept" if disk is None else disk.folder
        self.rows, self.logs = place / "rows", place / "logs"
        for folder in (self.kept, self.rows, self.logs, place / "work"):
            folder.mkdir(exist_ok=True)
        self.table = place / ("shop.db" if database else "acme.csv")
        self.matches = 2
        self.replace_table(3)
        self.policy = write_policy(
            *(place, "globex", "mallory"),
            reveal='["matches"]', columns='["Mail", "e"]', output_rows="true", runs='{count = 1_000_000, per = "7d"}',
        )  # fmt: skip
        self.address, self._health = (f"127.0.0.1:{free_port()}" for _ in range(2))
        source = ("--input", f"sqlite:///{self.table}", "--query", "SELECT Mail FROM acme")
        self.process = Process(
            *("psi", "listen", "--serve", "--address", self.address, "--health", self._health),
            *("--identity", place / "acme", "--peer", place / "globex.crt", "--peer", place / "mallory.crt"),
            *(source if database else ("--input", self.table)),
            *("--key", "Mail:email", "--results", self.kept / "results", "--audit", self.kept / "audit"),
            *("--output", self.rows, *_LEARN, "--policy", self.policy, "--timeout", "20", "--workdir", place / "work"),
            *(("--log", self.logs / "log") if database else ()),
        )
        fcntl.fcntl(self.process.stderr.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self.said: list[str] = []  # on stderr
        self._reads = threading.Event()
        self._reads.set()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.until(lambda: self.health()[0] == 200)

    def _read(self) -> None:
        for line in self.process.stderr:
            self._reads.wait()
            self.said.append(line)

    # ------------------------------------------------------------------------------------------------ what it says

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what the listener does."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, (self.health(), self.said[-20:])
            time.sleep(0.02)

    def _get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://{self._health}{path}", timeout=30) as found:
                return found.status, found.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, "{}"

    def health(self) -> tuple[int, dict[str, object]]:
        """What a readiness check says; 0 while nobody answers."""
        status, text = self._get("/readyz")
        return status, json.loads(text)

    def live(self) -> bool:
        return self._get("/livez")[0] == 200

    def metric(self, name: str) -> float:
        (found,) = re.findall(rf"^{re.escape(name)} (\S+)$", self._get("/metrics")[1], re.MULTILINE)
        return float(found)

    def of(self, what: str) -> int:
        """How many of its `task` (threads) or `fd` (open files) there are."""
        return len(list(Path(f"/proc/{self.process.pid}/{what}").iterdir()))

    def calm(self, what: str) -> int:
        """The same when nothing goes on: one more than the least that is seen for two seconds, for the look for room
        and a health check that may go on at any time."""
        ending, least = time.monotonic() + 2, self.of(what)
        while time.monotonic() < ending:
            least = min(least, self.of(what))
            time.sleep(0.05)
        return least + 1

    def settle(self, calm: dict[str, int]) -> None:
        """Wait until there is no more of each. What a round has begun is over in a moment; a thread or a file that is
        lost never goes."""
        self.until(lambda: all(self.of(what) <= usual for what, usual in calm.items()))

    def memory(self) -> int:
        """Resident bytes."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def log(self) -> str:
        """All that it has logged and said."""
        files = "".join(path.read_text() for path in sorted(self.logs.glob("log*")))
        return files + "".join(self.said)

    def results(self) -> int:
        """How many lines of results there are; every one of them whole. One may just be written, and has no end yet."""
        path = self.kept / "results"
        text = path.read_text() if path.exists() else ""
        return len([json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()])

    def call(self, *more: object) -> tuple[object, ...]:
        """The command of an honest peer."""
        return options_of(self.place, self.address, "globex", *_LEARN, *more)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def kill(self) -> None:
        self._reads.set()
        self.process.kill()
        self.process.wait()
        self._reader.join(PATIENCE)
        self.process.stderr.close()

    # ---------------------------------------------------------------------------------------------------- troubles

    def troubles(self) -> dict[str, Trouble]:
        """All that this listener can meet."""
        found = {
            "bad TLS clients": Trouble(self.bad_clients),
            "a silent peer": Trouble(self.silent_peer),
            "a killed peer": Trouble(self.killed_peer),
            "a new table": Trouble(self.new_table),
            "a broken policy": Trouble(self.broken_policy, refused=True),
            "no folder for rows": Trouble(self.no_rows),
            "no folder for audit and results": Trouble(self.nothing_kept, refused=True),
            "a new certificate": Trouble(self.new_certificate),
            "a certificate that does not open": Trouble(self.broken_certificate),
            "no more files": Trouble(self.no_files, refused=True, deaf=True),
        }
        if self._database:
            found["a database that is down"] = Trouble(self.no_table, refused=True)
            found["a locked database"] = Trouble(self.locked)
            found["a log without its folder"] = Trouble(self.no_logs)
        else:
            found["a table that is gone"] = Trouble(self.no_table, refused=True)
            found["a stalled reader of stderr"] = Trouble(self.stalled_reader)
        if self.disk is not None:
            found["a full disk"] = Trouble(self.full_disk, refused=True)
        return found

    def replace_table(self, keys: int) -> None:
        """A new table of so many keys, of which all but one match, put in place of the old one at once."""
        new = self.place / "new.table"
        new.unlink(missing_ok=True)
        mails = [*_COMMON[: keys - 1], "nobody@example.com"]
        if self._database:
            with contextlib.closing(sqlite3.connect(new)) as database, database:
                database.execute("CREATE TABLE acme (Mail TEXT)")
                database.executemany("INSERT INTO acme VALUES (?)", [(mail,) for mail in mails])
        else:
            new.write_text("\n".join(["Mail", *mails, ""]))
        os.replace(new, self.table)
        self.matches = keys - 1

    @contextlib.contextmanager
    def _away(self, path: Path) -> Iterator[None]:
        away = path.with_name(f"{path.name}.away")
        with contextlib.suppress(FileNotFoundError):  # it was rotated a moment ago
            path.rename(away)
        yield
        if path.is_dir():  # somebody made it anew
            shutil.rmtree(path)
        with contextlib.suppress(FileNotFoundError):
            away.rename(path)

    @contextlib.contextmanager
    def bad_clients(self) -> Iterator[None]:
        acme, mallory = Identity.load(self.place / "acme").public, Identity.load(self.place / "mallory")
        with Horde(self.address, acme, mallory, held=5, pause=0.02) as horde:
            horde.wait(each=2)
            yield

    @contextlib.contextmanager
    def silent_peer(self) -> Iterator[None]:
        acme = Identity.load(self.place / "acme").public
        with connect(self.address, Identity.load(self.place / "mallory"), [acme], timeout=60):
            yield

    @contextlib.contextmanager
    def killed_peer(self) -> Iterator[None]:
        words = options_of(self.place, self.address, "mallory", *_LEARN)
        process = Process(*words)
        self.until(lambda: self.metric("psiselect_sessions_running") > 0 or process.poll() is not None)
        process.kill()
        process.communicate()
        yield

    @contextlib.contextmanager
    def new_table(self) -> Iterator[None]:
        self.replace_table(2 + self.matches % 3)
        yield

    @contextlib.contextmanager
    def broken_policy(self) -> Iterator[None]:
        good = self.policy.read_text()
        self.policy.write_text("reveal = [")
        yield
        self.policy.write_text(good)

    def no_rows(self) -> AbstractContextManager[None]:
        return self._away(self.rows)

    @contextlib.contextmanager
    def nothing_kept(self) -> Iterator[None]:
        """On a disk of its own the files go; the folder is where it is mounted."""
        if self.disk is None:
            with self._away(self.kept):
                yield
            return
        with contextlib.ExitStack() as stack:
            for name in ("results", "audit"):
                stack.enter_context(self._away(self.kept / name))
                (self.kept / name).mkdir()
            yield

    @contextlib.contextmanager
    def full_disk(self) -> Iterator[None]:
        assert self.disk is not None
        self.disk.fill()
        yield
        self.disk.free()

    def no_table(self) -> AbstractContextManager[None]:
        return self._away(self.table)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """For half a second, by somebody who writes."""
        writer = sqlite3.connect(self.table, check_same_thread=False)
        writer.execute("BEGIN EXCLUSIVE")
        release = threading.Timer(0.5, writer.rollback)
        release.start()
        yield
        release.join()
        writer.close()

    def no_logs(self) -> AbstractContextManager[None]:
        return self._away(self.logs)

    @contextlib.contextmanager
    def stalled_reader(self) -> Iterator[None]:
        """With more to log than the pipe takes."""
        self._reads.clear()
        acme = Identity.load(self.place / "acme").public
        for _ in range(30):
            with contextlib.suppress(OSError):
                rawtls.client(self.address, acme, None).close()
        yield
        self._reads.set()

    @contextlib.contextmanager
    def new_certificate(self) -> Iterator[None]:
        """One that ends soon, or late."""
        days = 5 if self.metric("psiselect_certificate_days") > 100 else 400
        made = Identity.create("acme", self.place / f"identity-{time.monotonic_ns()}", days=days)
        for ending in ("key", "crt"):
            os.replace(made.certificate_path.with_suffix(f".{ending}"), self.place / f"acme.{ending}")
        self.process.send_signal(signal.SIGHUP)
        self.until(lambda: self.metric("psiselect_certificate_days") == days - 1)
        yield

    @contextlib.contextmanager
    def broken_certificate(self) -> Iterator[None]:
        """The listener goes on with the one that it has."""
        certificate = self.place / "mallory.crt"
        with self._away(certificate):
            certificate.write_text("-----BEGIN CERTIFICATE-----\n")
            self.process.send_signal(signal.SIGHUP)
            yield
            certificate.unlink()
        self.process.send_signal(signal.SIGHUP)

    @contextlib.contextmanager
    def no_files(self) -> Iterator[None]:
        before = resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (self.of("fd"), before[1]))
        yield
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, before)
