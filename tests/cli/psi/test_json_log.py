"""The log of a listener that keeps running: lines of JSON, no text of unexpected errors, no flood from outside."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.psi import json_log
from psiselect.base.errors import InputError
from psiselect.base.events import event


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """A file that is logged to; afterwards logging is as it was."""
    logger = json_log.LOGGER.logger
    before = list(logger.handlers), logger.level, logger.propagate
    yield tmp_path / "log"
    logger.handlers[:], logger.level, logger.propagate = before


def lines(log: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_a_line_has_its_event_and_fields_and_is_one_line(log: Path) -> None:
    with json_log.started(log):
        other = logging.getLogger("psiselect.transport")
        other.warning("refused %s", "a\nb\x1b[2J\u202e", extra=event("refused", address="127.0.0.1:1", reason="é"))
    (line,) = lines(log)
    assert str(line.pop("time")).endswith("Z")
    assert line == {
        "level": "warning",
        "event": "refused",
        "message": "refused a\\nb\\x1b[2J\\u202e",
        "address": "127.0.0.1:1",
        "reason": "é",
    }
    assert log.read_bytes().isascii()


def test_of_an_unexpected_error_the_type_and_the_place_are_logged_and_not_its_text(log: Path) -> None:
    try:
        raise KeyError("ann@example.com")
    except KeyError as error:
        with json_log.started(log):
            json_log.LOGGER.error("a session met a bug", exc_info=error, extra=event("session_failed", code=1))
    (line,) = lines(log)
    assert line["error"] == "KeyError"
    assert str(line["at"][0]).startswith("test_json_log.py:")  # type: ignore[index]
    assert "ann" not in log.read_text()


def test_strangers_cannot_fill_the_disk(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [600.0]
    monkeypatch.setattr(json_log.time, "monotonic", lambda: now[0])
    transport = logging.getLogger("psiselect.transport")
    with json_log.started(log):
        for _ in range(5_000):
            transport.warning("refused", extra=event("refused", reason="x"))
        transport.info("session", extra=event("session_done"))
        now[0] += 60
        for _ in range(2):
            transport.warning("refused", extra=event("refused", reason="x"))
    assert len(lines(log)) == 63
    assert [line.get("not_logged_before") for line in lines(log)[61:]] == [4_940, None]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing" / "log"
    with pytest.raises(InputError, match=r"cannot write the log .*missing/log"), json_log.started(missing):
        pass
