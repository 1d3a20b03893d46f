"""Where this checkout is, and the environment for a child process that imports from it."""

from __future__ import annotations

import os
from pathlib import Path

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent


def environment() -> dict[str, str]:
    """This process's environment, with the checkout's packages before the tests' folders of the same names."""
    return os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(TESTS)))}
