"""`psiselect ui` as a process: it lets one browser in, tells where, and ends in order."""

from __future__ import annotations

import re
import signal
import socket
import stat
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from support.processes import Process

from cli.main import root


def test_a_browser_gets_in_by_the_file_and_sigterm_ends_the_page(tmp_path: Path) -> None:
    process = Process("ui", "--no-browser", "--port", "0")
    try:
        line = process.stderr.readline()
        key = Path(line.split(": ", 1)[1].strip())
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        page = key.read_text()
        address = re.search(r'action="([^"]+)"', page)
        token = re.search(r'name="token" value="([^"]+)"', page)
        assert address
        assert token
        arguments = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert token[1].encode() not in arguments + str(key).encode()
        with httpx.Client() as browser:
            entered = browser.post(address[1], data={"token": token[1]}, headers={"Origin": "null"})
            home = re.search(r'url=([^"]+)"', entered.text)
            assert home
            shown = browser.get(str(httpx.URL(address[1]).join(home[1])))
            assert (shown.status_code, "What would you like to do?" in shown.text) == (200, True)
        port = httpx.URL(address[1]).port or 0
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", port), timeout=5)  # every 127.x is this machine
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=60)
        assert process.returncode == 143
        assert not key.exists()
        assert rest == "Ctrl-C ends the page.\n"
    finally:
        process.kill()
        process.communicate()


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = CliRunner().invoke(root, ["ui", "--no-browser", "--port", str(port)])
    assert f"the page cannot use --port {port}. " in str(done.exception)
