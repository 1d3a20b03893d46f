"""What signals do to any command: the first ends it in order, the second soon, the third at once."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
from support.checkout import environment

from cli import _signals

TERM, INT, HUP = signal.SIGTERM, signal.SIGINT, signal.SIGHUP


class Left(Exception):
    """In place of the end of the process."""


@pytest.mark.parametrize(
    ("numbers", "seconds", "code"),
    [
        ((TERM,), 0.0, None),
        ((TERM, TERM), 0.0, 143),
        ((TERM, INT), 0.0, 130),
        ((TERM, TERM), 600.0, None),
        ((INT, INT, TERM), 600.0, 143),
        ((HUP, HUP, HUP), 0.0, None),
        ((TERM, HUP, HUP), 0.0, None),
    ],
)
def test_signals_are_counted(numbers: tuple[int, ...], seconds: float, code: int | None) -> None:
    heard, told = os.pipe()
    codes: list[int] = []

    def leave(found: int) -> None:
        codes.append(found)
        raise Left

    def watch() -> None:
        with contextlib.suppress(Left):
            _signals.watch(heard, seconds, leave)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    os.write(told, bytes(numbers))
    if code is None:
        os.close(told)  # the end: nothing more comes
    watching.join(10)
    assert not watching.is_alive()
    assert codes == ([] if code is None else [code])
    os.close(heard)
    if code is not None:
        os.close(told)


# The main thread waits in C for a lock that nobody releases; Python's own handlers never run again.
STUCK = """
import ctypes, threading, time
from cli import _signals
_signals.watch.__defaults__ = (0.1, *_signals.watch.__defaults__[1:])
_signals.install()
lock = ctypes.create_string_buffer(128)
c = ctypes.CDLL(None)
def tell():
    while lock.raw[0] != 2:  # what the C library makes of it once somebody waits
        time.sleep(0.001)
    print("stuck", flush=True)
c.pthread_mutex_lock(lock)
threading.Thread(target=tell, daemon=True).start()
c.pthread_mutex_lock(lock)
"""


@pytest.mark.parametrize(("number", "code"), [(TERM, 143), (INT, 130)])
def test_signals_end_a_process_that_hears_nothing(number: int, code: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STUCK], env=environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "stuck\n"
        while process.poll() is None:  # two that come at the same moment are one
            process.send_signal(number)
            threading.Event().wait(0.02)
        assert process.returncode == code


def ending(setup: str, *numbers: int) -> int:
    """The exit code of a command that waits, and gets signals."""
    lines = ("import signal, time", setup, "from cli import _signals", "_signals.install()", "print(flush=True)")
    code = "\n".join((*lines, "time.sleep(600)"))
    with subprocess.Popen([sys.executable, "-c", code], env=environment(), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        for number in numbers:
            process.send_signal(number)
        return process.wait(60)


@pytest.mark.parametrize(("number", "code"), [(TERM, 143), (HUP, 129)])
def test_a_command_ends_with_128_and_the_number(number: int, code: int) -> None:
    assert ending("", number) == code


def test_a_signal_that_the_starter_ignores_stays_ignored() -> None:
    assert ending("signal.signal(signal.SIGHUP, signal.SIG_IGN)", HUP, TERM) == 143


def test_installing_twice_adds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Callable[..., object]] = []
    monkeypatch.setattr(_signals, "_installed", False)
    monkeypatch.setattr(_signals.threads, "start", lambda target, *_, **__: started.append(target))
    monkeypatch.setattr(signal, "set_wakeup_fd", lambda *_, **__: -1)
    before = signal.getsignal(TERM), signal.getsignal(HUP)
    try:
        _signals.install()
        _signals.install()
    finally:
        for number, handler in zip((TERM, HUP), before, strict=True):
            signal.signal(number, handler)
    assert started == [_signals.watch]
