"""The steps of a command that outlive it or leave it, in order: what is counted, charged, sent, written and printed.
When it looks at its matches is one of them.

One of them can be made to fail. Then it shows whether what must come before it was done, and nothing after it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from dpselect.ledger import Ledger
from psi.accounts import audit
from psi.accounts.session_counter import SessionCounter
from psi.offline.answered import AnsweredOffers
from psi.protocol.messages import MessageType as M
from psi.protocol.party import Party
from psi.resume.folder import SessionFolder
from psi.resume.journal import Journal
from psi.resume.session import ResumableSession
from psi.serve.serving import ServedSession
from psi.transport.memory import MemoryChannel
from psiselect.base import atomic, durable
from psiselect.base.errors import InputError

SENT = {M.SIZES: "declare", M.ELEMENTS: "send", M.REPLIES: "send", M.TAGS: "send"}


class Steps:
    """Records the steps that one thread takes: the one that calls `watch`.

    taken: in order; of several alike in a row only the first. The step `failing` raises InputError instead of being
    taken, and stands in `taken` as "STEP fails".
    """

    def __init__(self, patch: pytest.MonkeyPatch, failing: str | None = None) -> None:
        self.taken: list[str] = []
        self._failing = failing
        self._patch = patch
        self._thread: int | None = None
        self._spy(SessionCounter, "spend", lambda *_, **more: "count")
        self._spy(Ledger, "spend", lambda *_, **more: "charge")
        self._spy(audit, "append", lambda path, entry: f"audit {entry['outcome']}")
        self._spy(AnsweredOffers, "add", lambda *_: "note the offer")
        self._spy(durable, "create_private", lambda path: _about("reserve", path))
        self._spy(durable, "remove", lambda path: _about("remove", path))
        self._spy(atomic, "_name", lambda handle, part, target: _about("write", target))
        self._spy(MemoryChannel, "send", lambda channel, frame: SENT.get(frame.type))
        self._spy(click, "echo", lambda *_, **more: None if more.get("err") else "print")
        self._spy(
            Journal, "mark", lambda journal, mark: None if mark in journal.marks else f"mark {mark.value.decode()}"
        )
        self._spy(Party, "settle", lambda party: "look")
        self._spy(ServedSession, "end", lambda session: "free the slot")
        self._spy(SessionFolder, "remove", lambda folder: "remove the session")
        self._spy(ResumableSession, "part", lambda session: "part")

    def watch(self) -> None:
        """From now on this thread's steps count."""
        self._thread = threading.get_ident()

    def _spy(self, owner: Any, name: str, called: Callable[..., str | None]) -> None:
        do = getattr(owner, name)

        def done(*arguments: Any, **more: Any) -> Any:
            step = called(*arguments, **more) if threading.get_ident() == self._thread else None
            if step is not None and step == self._failing:
                self.taken.append(f"{step} fails")
                self._thread = None if step == "print" else self._thread
                raise InputError("refused by the test")
            found = do(*arguments, **more)
            if step is not None and step not in self.taken[-1:]:
                self.taken.append(step)
            return found

        self._patch.setattr(owner, name, done)


def _about(what: str, path: Any) -> str | None:
    """A step with a file's name; None for the files of a resumable session, which have steps of their own."""
    name = re.sub(r"-[0-9a-f]{16}\.", "-{session}.", Path(path).name)
    return None if "psiselect-session-" in str(path) else f"{what} {name}"
