"""How many sessions each peer has had, in one SQLite file (0600) that outlives the process.

The table in the file is called `run`, and the field of a policy `runs`: names from the first version, which stay.

`spend` returns only when the session is on disk, so a process that is killed later has still used it up. The rules of
this room: every spend happens inside BEGIN IMMEDIATE, which counts and adds as one step whatever other processes do;
synchronous is EXTRA (durable.transaction); time never runs backwards: the latest time ever seen stands in for a clock
that is behind it, until its owner mends it; nothing is ever deleted, so that a policy with a longer period finds old
sessions. Not covered: a file that its owner removes or restores, and file systems whose locks do not work.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from psi.accounts import words
from psi.accounts.policy import Allowance
from psiselect.base import durable
from psiselect.base.durable import Connection
from psiselect.base.errors import InputError

APPLICATION_ID = 0x70735231  # "psR1", in the file's header
_SCHEMA = (
    "CREATE TABLE run (id INTEGER PRIMARY KEY, peer BLOB NOT NULL, at INTEGER NOT NULL)",
    "CREATE INDEX run_peer ON run (peer, at)",
    "CREATE TABLE clock (latest INTEGER NOT NULL)",
    "INSERT INTO clock VALUES (0)",
    f"PRAGMA application_id = {APPLICATION_ID}",
)


_WORTH_TELLING = 3600  # seconds that the counter is ahead; less is how clocks differ


class SessionCounter:
    """The counter in one file. Each call connects anew, so threads and processes may share it."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it; `created` says which. Raises InputError when that cannot be done."""
        self.path = Path(path)
        self.created = False
        try:
            durable.create_private(self.path)
            self.created = True
        except FileExistsError:
            pass
        except OSError as error:
            raise words.no_counter(self.path, error.strerror) from None
        with self._writing():
            pass

    def spend(self, peer: bytes, allowance: Allowance, now: int) -> None:
        """Count a session with `peer` (a fingerprint) that begins at `now`, seconds since 1970.

        Raises PolicyError when as many have begun within the period; then nothing is counted.
        """
        given = now
        with self._writing() as connection:
            latest = _latest(connection)
            now = max(now, latest)
            connection.execute("UPDATE clock SET latest = ?", (now,))
            since = peer, now - allowance.seconds
            ((begun,),) = connection.execute("SELECT count(*) FROM run WHERE peer = ? AND at > ?", since).fetchall()
            allowed = begun < allowance.count
            if allowed:
                connection.execute("INSERT INTO run (peer, at) VALUES (?, ?)", (peer, now))
            else:
                query = "SELECT at FROM run WHERE peer = ? AND at > ? ORDER BY at LIMIT 1 OFFSET ?"
                ((due,),) = connection.execute(query, (*since, begun - allowance.count)).fetchall()
        if not allowed:
            ahead = latest if latest > given + _WORTH_TELLING else None
            raise words.sessions_used_up(allowance.count, allowance.per, begun, due + allowance.seconds, ahead)

    def count(self, peer: bytes) -> int:
        """All sessions that were ever counted for a peer."""
        with self._writing() as connection:
            ((count,),) = connection.execute("SELECT count(*) FROM run WHERE peer = ?", (peer,)).fetchall()
        return int(count)

    def clock(self) -> int:
        """The latest time ever seen, seconds since 1970; 0 before the first session."""
        with self._writing() as connection:
            return _latest(connection)

    def next(self, peer: bytes, allowance: Allowance, now: int) -> int | None:
        """When the next session with a peer may begin, seconds since 1970: in the past where it may now. None when none
        is allowed ever."""
        if allowance.count == 0:
            return None
        with self._writing() as connection:
            at = [
                moment
                for (moment,) in connection.execute(
                    "SELECT at FROM run WHERE peer = ? ORDER BY at DESC LIMIT ?", (peer, allowance.count)
                )
            ]
            latest = max(now, _latest(connection))
        if len(at) < allowance.count or at[-1] + allowance.seconds <= latest:
            return now
        return int(at[-1]) + allowance.seconds

    def later_than(self, now: int) -> int:
        """How many sessions are counted for a later time."""
        with self._writing() as connection:
            ((count,),) = connection.execute("SELECT count(*) FROM run WHERE at > ?", (now,)).fetchall()
        return int(count)

    def mend(self, now: int) -> None:
        """Let `now` be the latest time ever seen, for a counter that has seen a wrong clock. Sessions that are counted
        for a later time count as begun now, so that none is forgotten."""
        with self._writing() as connection:
            connection.execute("UPDATE run SET at = ? WHERE at > ?", (now, now))
            connection.execute("UPDATE clock SET latest = ? WHERE latest > ?", (now, now))

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Connection]:
        """One transaction that holds the write lock from its start; on disk when it ends, undone when it raises."""
        with durable.transaction(self.path, "BEGIN IMMEDIATE", self._unusable) as connection:
            try:
                self._prepare(connection)
                yield connection
            except (ValueError, TypeError) as error:  # rows that nothing here has written
                raise self._unusable(str(error)) from None

    def _unusable(self, reason: str) -> InputError:
        return words.counter_unusable(self.path, reason)

    def _prepare(self, connection: Connection) -> None:
        """Write the schema into an empty file; refuse any other that is not ours."""
        (found,) = connection.execute("PRAGMA application_id").fetchone()
        if found == APPLICATION_ID:
            return
        if found or connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
            raise words.not_a_counter(self.path)
        for statement in _SCHEMA:
            connection.execute(statement)


def _latest(connection: Connection) -> int:
    ((latest,),) = connection.execute("SELECT latest FROM clock").fetchall()
    return int(latest)
