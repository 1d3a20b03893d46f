"""A clock that a test moves by hand, in place of the `time` that one module of the product imports."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import pytest


class Clock:
    """Seconds of `time.monotonic`, which stand still until the test moves them. `sleep` moves them too.

    step: seconds that pass whenever somebody looks.
    """

    def __init__(self, step: float = 0.0) -> None:
        self.now = 1000.0
        self._step = step

    def monotonic(self) -> float:
        self.now += self._step
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def install(self, patch: pytest.MonkeyPatch, *modules: ModuleType) -> Clock:
        """These modules see this clock from now on; everything else sees the real one."""
        for module in modules:
            assert module.time is time
            patch.setattr(module, "time", SimpleNamespace(monotonic=self.monotonic, sleep=self.sleep))
        return self


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does; fails after half a minute of real time."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)
