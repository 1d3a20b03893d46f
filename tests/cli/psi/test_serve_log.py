"""A listener goes on whatever becomes of its log, its stderr and its audit file; and says to peers that it stops."""

from __future__ import annotations

import contextlib
import fcntl
import json
import re
import shutil
from pathlib import Path

from support import rawtls
from support.clocks import until
from support.processes import Process
from support.served import Call, hold, serving

from psi.identity.identity import Identity
from psi.protocol.messages import STOPPED, decode_abort
from psiselect.base.errors import TransportError


def events(path: Path) -> list[str]:
    return [json.loads(line)["event"] for line in path.read_text().splitlines()] if path.exists() else []


def test_a_log_whose_folder_is_gone_ends_nothing(place: Path, call: Call) -> None:
    """A session that runs goes on, sessions begin and end, and the log goes on when its folder is back."""
    logs = place / "logs"
    logs.mkdir()
    with serving(place, "--log", logs / "log", "--max-sessions", "2", peers=("globex", "mallory")) as served:
        until(lambda: bool(served.raw))
        where = re.findall(r"listening on (\S+);", served.raw[0])[0]
        served.events.append({"event": "listening", "address": where})
        with hold(place, served, "mallory") as running:
            until(lambda: "session_started" in events(logs / "log"))
            shutil.rmtree(logs)
            assert call(where).json["matches"] == 2
            assert running.receive() is not None  # its hello
            logs.mkdir()
            assert call(where).json["matches"] == 2
        until(lambda: "session_failed" in events(logs / "log"))
        assert served.stop() == 0
    assert events(logs / "log")[0] == "lines_lost"
    assert events(logs / "log")[-1] == "stopped"
    said = [line for line in served.raw if "cannot write the log" in line]
    assert len(said) == 1, served.raw
    assert not [line for line in served.raw if "Traceback" in line]


def test_a_reader_that_stalls_keeps_nobody_out(place: Path, call: Call) -> None:
    """stderr is a pipe of a page, which nobody reads once the listener listens."""
    process = Process(
        *("psi", "listen", "--serve", "--address", "127.0.0.1:0", "--identity", place / "acme", "--health", "0"),
        *("--peer", place / "globex.crt", "--input", place / "acme.csv", "--key", "Mail:email"),
    )
    try:
        fcntl.fcntl(process.stderr.fileno(), fcntl.F_SETPIPE_SZ, 4096)
        where = next(e["address"] for e in map(json.loads, process.stderr) if e["event"] == "listening")
        acme = Identity.load(place / "acme").public
        for _ in range(60):  # each a line
            with contextlib.suppress(OSError):
                rawtls.client(where, acme, None).close()
        assert [call(where).json["matches"] for _ in range(2)] == [2, 2]
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_an_audit_file_that_cannot_be_written_fails_its_session_alone(place: Path, call: Call) -> None:
    """No result without its audit line; the listener goes on, and so does the audit when the file is back."""
    audits = place / "audits"
    audits.mkdir()
    with serving(place, "--json", "--audit", audits / "log") as served:
        assert call(served.address).json["matches"] == 2
        served.wait("session_done")
        audits.rename(place / "elsewhere")
        call(served.address)
        failed = served.wait("session_failed")
        assert (failed["code"], failed["kind"]) == (3, "input")
        assert "cannot write the audit file" in failed["reason"]
        assert call(served.address, "globex", "--reveal", "count").code == 4
        assert "cannot write the audit file" in served.wait("audit_unwritable")["message"]
        (place / "elsewhere").rename(audits)
        assert call(served.address).json["matches"] == 2
        assert served.stop() == 0
    assert "Traceback" not in "".join(served.raw)
    assert len(served.results()) == 2
    assert len((audits / "log").read_text().splitlines()) == 2


def test_a_peer_hears_that_the_listener_stops(place: Path) -> None:
    with serving(place, "--grace", "0") as served, hold(place, served) as channel:
        served.wait("session_started")
        assert channel.receive() is not None  # its hello
        served.process.terminate()
        last = channel.receive()
        assert last == STOPPED
        told = decode_abort(last.payload)
        assert isinstance(told, TransportError)
        assert "somebody, or the peer's computer, stopped the peer's program" in str(told)
        channel.close()
        assert served.ended() == 0
    assert served.wait("stopped")["left"] == 0
