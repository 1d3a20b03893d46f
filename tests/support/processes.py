"""Processes of the command line that start in milliseconds: one parent imports, the program's processes are its forks.

`Process` is used like `subprocess.Popen`. There is one parent for all tests of a worker. A fork takes over the folder,
the environment and the pipes that a new interpreter would have got, and ends as an interpreter ends.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from support.checkout import environment

_LENGTH = struct.Struct("!I")
_POLL_SECONDS = 0.005


class _Parent:
    """The process that forks. One request at a time: an object in JSON, with descriptors for a new process."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=environment(),
        )
        theirs.close()
        atexit.register(self._end)

    def ask(self, request: dict[str, object], *descriptors: int) -> Any:
        data = json.dumps(request).encode()
        with self._lock:
            if descriptors:
                socket.send_fds(self._socket, [_LENGTH.pack(len(data))], descriptors)
            else:
                self._socket.sendall(_LENGTH.pack(len(data)))
            self._socket.sendall(data)
            return json.loads(_read(self._socket, _LENGTH.unpack(_read(self._socket, _LENGTH.size))[0]))

    def _end(self) -> None:
        self._socket.close()
        self._process.wait()


@functools.cache
def _parent() -> _Parent:
    return _Parent()


class Process:
    """`python -m cli.main ARGUMENTS` in `folder`, with stdout and stderr as text pipes, or stdout in a file.

    terminal: a descriptor that both go to instead.
    first: MODULE:FUNCTION and texts; the new process calls the function with them before it runs the command.
    """

    def __init__(
        self,
        *arguments: object,
        stdout: IO[str] | None = None,
        folder: Path | None = None,
        first: tuple[str, ...] = (),
        terminal: int | None = None,
    ) -> None:
        given = terminal if stdout is None else stdout.fileno()
        ours, out = os.pipe() if given is None else (None, os.dup(given))
        errors, err = os.pipe() if terminal is None else (None, os.dup(terminal))
        self.stdout = None if ours is None else os.fdopen(ours, encoding="utf-8")
        self.stderr = None if errors is None else os.fdopen(errors, encoding="utf-8")
        self.returncode: int | None = None
        self._parent = _parent()
        request = {
            "arguments": list(map(str, arguments)),
            "folder": str(folder or Path.cwd()),
            "environment": dict(os.environ),
            "first": first,
        }
        try:
            self.pid: int = self._parent.ask(request, out, err)
        finally:
            os.close(out)
            os.close(err)

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._parent.ask({"poll": self.pid})
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        until = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if until is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired("psiselect", timeout or 0)
            time.sleep(_POLL_SECONDS)
        return code

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What is left on stdout and stderr, once the process has ended."""
        read: dict[int, str] = {}

        def drain(number: int, stream: IO[str]) -> None:
            with stream:
                read[number] = stream.read()

        streams = [(n, s) for n, s in ((1, self.stdout), (2, self.stderr)) if s is not None and not s.closed]
        readers = [threading.Thread(target=drain, args=found, daemon=True) for found in streams]
        for reader in readers:
            reader.start()
        self.wait(timeout)
        for reader in readers:
            reader.join()
        return read.get(1, ""), read.get(2, "")

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _read(stream: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        more = stream.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return bytes(data)


# In the parent.


def _serve(stream: socket.socket) -> dict[str, Any]:
    """Fork and answer, for ever. Returns in each fork, with what it has to run; raises EOFError after the last test."""
    while True:
        header, descriptors, _, _ = socket.recv_fds(stream, _LENGTH.size, 2)
        if not header:
            raise EOFError
        header += _read(stream, _LENGTH.size - len(header))
        request: dict[str, Any] = json.loads(_read(stream, _LENGTH.unpack(header)[0]))
        answer: int | None
        if "poll" in request:
            pid, status = os.waitpid(request["poll"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = os.fork()
            if answer == 0:
                for number, descriptor in enumerate(descriptors, start=1):
                    os.dup2(descriptor, number)
            for descriptor in descriptors:
                os.close(descriptor)
            if answer == 0:
                return request
        data = json.dumps(answer).encode()
        stream.sendall(_LENGTH.pack(len(data)) + data)


def _become(request: dict[str, Any]) -> None:
    """A fork becomes what a new interpreter would be."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["psiselect", *request["arguments"]]
    if request["first"]:
        place, *given = request["first"]
        module, _, name = place.partition(":")
        getattr(importlib.import_module(module), name)(*given)


if __name__ == "__main__":
    import cli.mpc.command
    import cli.psi.command
    import cli.psi.offline  # noqa: F401
    import psi.group.curve25519.lanes.backend  # noqa: F401
    from cli.main import run

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a stop from the keyboard is for the tests; a fork undoes this
    with socket.socket(fileno=int(sys.argv[1])) as tests:
        request = None
        with contextlib.suppress(EOFError):
            request = _serve(tests)
    if request is not None:
        _become(request)
        run()
