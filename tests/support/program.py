"""What the program showed when a test called it in its own process (the fixture `program`)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Shown:
    """Exit code and stdout."""

    code: int
    out: str

    @property
    def error(self) -> str:
        """The message of a failure with --json."""
        message: str = json.loads(self.out)["error"]["message"]
        return message


Run = Callable[..., Shown]
