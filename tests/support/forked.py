"""Many processes of the command line at the price of one start: the parent imports, the children are forked.

As a script: reads a JSON list of argument lists on stdin, runs each in a child of its own, all at once, and writes a
JSON list of [exit code, stdout, stderr].
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from support.checkout import environment
from support.mpc_processes import Ended

PATIENCE = 120  # seconds until a hung run fails its test; nothing depends on it otherwise


def run_together(folder: Path, runs: Sequence[Sequence[str]]) -> list[Ended]:
    """Every run to its end, all at the same time, in `folder`."""
    done = subprocess.run(
        [sys.executable, __file__],
        input=json.dumps([list(run) for run in runs]),
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=environment(),
        timeout=PATIENCE,
        check=True,
    )
    return [Ended(*ended) for ended in json.loads(done.stdout)]


def _child(arguments: list[str], out: Path, err: Path) -> None:
    for path, number in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), number)
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
    runs = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as scratch:
        children = []
        for number, arguments in enumerate(runs):
            out, err = Path(scratch, f"{number}.out"), Path(scratch, f"{number}.err")
            child = os.fork()
            if child == 0:
                _child(arguments, out, err)
            children.append((child, out, err))
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child, _, _ in children]
        ended = [[code, out.read_text(), err.read_text()] for code, (_, out, err) in zip(codes, children, strict=True)]
    json.dump(ended, sys.stdout)


if __name__ == "__main__":
    import cli.mpc.command  # noqa: F401
    from cli.main import main

    _main()
