"""A throw-away PostgreSQL server on a Unix socket, where one is installed."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PASSWORD = "s3cret w0rd/@:?#%"
QUOTED = "s3cret%20w0rd%2F%40%3A%3F%23%25"


@dataclass(frozen=True)
class Server:
    sockets: Path
    programs: Path

    def uri(self, database: str = "postgres", password: str = QUOTED, user: str = "psi") -> str:
        return f"postgresql://{user}:{password}@/{database}?host={self.sockets}"

    def run(self, sql: str, database: str = "postgres") -> str:
        done = subprocess.run(
            [
                self.programs / "psql",
                "-XqAt",
                "-v",
                "ON_ERROR_STOP=1",
                "-h",
                self.sockets,
                "-U",
                "psi",
                database,
                "-c",
                sql,
            ],
            env={"PGPASSWORD": PASSWORD, "PATH": os.environ.get("PATH", "")},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def _programs() -> Path | None:
    """Where a server's programs are; distributions keep them out of PATH."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), Path("/usr/pgsql/bin")]
    needed = ("initdb", "postgres", "pg_ctl", "psql")
    return next((f for f in folders if all((f / name).exists() for name in needed)), None)


def _user() -> str | None:
    """Who the server runs as: it refuses root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    return None


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """Start one; skips the test where that is not possible."""
    programs, user = _programs(), _user()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed (initdb, postgres, pg_ctl and psql were looked for)")
    if user is None:
        pytest.skip("PostgreSQL refuses root, and there is no other user to run it as")
    # A socket's path is short, and that user cannot enter root's folders for tests.
    folder = Path(tempfile.mkdtemp(prefix="psi-pg-", dir="/tmp"))
    become = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": ()} if os.geteuid() == 0 else {}

    def call(program: str, *arguments: object) -> None:
        with open(folder / f"{program}.log", "a+") as log:
            done = subprocess.run(
                [programs / program, *map(str, arguments)],
                cwd="/",
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=120,
                check=False,
                **become,
            )
            log.seek(0)
            assert done.returncode == 0, log.read()

    try:
        word = folder / "word"
        word.write_text(PASSWORD)
        for path in (folder, word):
            shutil.chown(path, user)
        common = ("-U", "psi", "-A", "scram-sha-256", "--pwfile", word, "-E", "UTF8", "--locale=C", "-N")
        call("initdb", "-D", folder / "data", *common)
        settings = f"-c listen_addresses='' -c unix_socket_directories={folder} -c lc_messages=C -F"
        call("pg_ctl", "-D", folder / "data", "-w", "-l", folder / "data" / "log", "-o", settings, "start")
        try:
            yield Server(folder, programs)
        finally:
            call("pg_ctl", "-D", folder / "data", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
