"""What a log line carries besides its text, so that it can be written for people or as JSON.

    LOGGER.warning("refused %s: %s", address, why, extra=event("refused", address=str(address), reason=why))

Names and values are fit for anybody who may read a log: no identifier, no key, no tally.
"""

from __future__ import annotations


def event(name: str, **fields: object) -> dict[str, object]:
    """The `extra` of a logging call: the event's name and its fields, of plain JSON types."""
    return {"event": name, "fields": fields}
