"""What a log line carries besides its text, so that it can be written for people or as JSON.

    LOGGER.warning("refused %s: %s", address, why, extra=event("refused", address=str(address), reason=why))

Names and values are fit for anybody who may read a log: no identifier, no key, no tally.
"""

from __future__ import annotations

import contextlib
import logging
from typing import Any


def event(name: str, **fields: object) -> dict[str, object]:
    """The `extra` of a logging call: the event's name and its fields, of plain JSON types."""
    return {"event": name, "fields": fields}


class SafeLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger for threads that serve. Whatever a handler raises, the call returns: a full disk must not end a session
    or a listener."""

    def __init__(self, name: str) -> None:
        super().__init__(logging.getLogger(name))

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Log; all other methods come here."""
        with contextlib.suppress(Exception):
            self.logger.log(level, msg, *args, **kwargs)
