"""A clock that a test moves by hand, in place of the `time` that one module of the product imports."""

from __future__ import annotations

import time
from types import ModuleType, SimpleNamespace

import pytest


class Clock:
    """Seconds of `time.monotonic`, which stand still until the test moves them. `sleep` moves them too."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def install(self, patch: pytest.MonkeyPatch, *modules: ModuleType) -> Clock:
        """These modules see this clock from now on; everything else sees the real one."""
        for module in modules:
            assert module.time is time
            patch.setattr(module, "time", SimpleNamespace(monotonic=self.monotonic, sleep=self.sleep))
        return self
