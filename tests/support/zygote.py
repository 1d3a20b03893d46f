"""Processes of the command line that start in milliseconds: one parent imports, its children are forked.

As a script it obeys lines of JSON on stdin: {"start": [arguments], "out": path, "err": path} forks a process and
answers its number; {"poll": number} answers its exit code, null while it runs. Chunks are small in the children, so
that small lists have many.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from support.checkout import environment

CHUNK = 200


class Zygote:
    """The parent. A context manager; not for several threads."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=environment(),
        )

    def start(self, arguments: list[object], out: Path, err: Path) -> int:
        """Run the program; returns the number of its process."""
        return int(self._ask({"start": list(map(str, arguments)), "out": str(out), "err": str(err)}))

    def poll(self, pid: int) -> int | None:
        """Its exit code, minus the signal's number if it was killed; None while it runs."""
        return self._ask({"poll": pid})

    def _ask(self, request: dict[str, object]) -> int:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("no pipes")
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: int = json.loads(self._process.stdout.readline())
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()


def _child(arguments: list[str], out: str, err: str) -> None:
    for path, number in ((os.devnull, 0), (out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), number)
    sys.argv = ["psiselect", *arguments]
    code = 70
    try:
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 70
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        answer: int | None
        if "start" in request:
            answer = os.fork()
            if answer == 0:
                _child(request["start"], request["out"], request["err"])
        else:
            pid, status = os.waitpid(request["poll"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    import cli.psi.command
    import cli.psi.offline  # noqa: F401
    import psi.group.curve25519.lanes.backend  # noqa: F401
    from cli.main import main
    from psi.agreement.terms import DEFAULT_CHUNK, Terms

    defaults = Terms.__init__.__kwdefaults__ or {}
    Terms.__init__.__kwdefaults__ = defaults | {"chunk": CHUNK}
    assert defaults["chunk"] == DEFAULT_CHUNK
    _main()
