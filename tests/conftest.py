"""What many tests share."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings
from support.entropy import FixedEntropy
from support.program import Run, Shown

# A deadline would make a test depend on what else the machine does.
settings.register_profile("psiselect", deadline=None)
settings.load_profile("psiselect")

# A shell that starts a job in the background has it ignore Ctrl-C, which tests send to themselves and to others.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# nohup has it ignore the hangup.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: many tests wait for other processes. pytest may run without xdist, too."""
    return (os.cpu_count() or 1) + 1


VECTORS = Path(__file__).parent / "vectors"


@pytest.fixture
def fixed_entropy(request: pytest.FixtureRequest) -> FixedEntropy:
    """Entropy seeded by the test's own name."""
    return FixedEntropy(request.node.nodeid)


@pytest.fixture(scope="session", autouse=True)
def uncounted_signals() -> None:
    """Commands run in the process of the tests, which goes on: nobody counts its signals, to end it after the third."""
    from cli import _signals

    _signals._installed = True


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The program, in this process."""
    from cli.main import main

    def call(*arguments: object) -> Shown:
        monkeypatch.setattr("sys.argv", ["psiselect", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return Shown(int(ended.value.code or 0), capsys.readouterr().out)

    return call
