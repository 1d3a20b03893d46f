"""How the psi commands speak: notices on stderr, and progress as a bar on a terminal, else as a line now and then."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from cli import _backend
from cli._output import ProgressLines, progress, say
from psiselect.talk import Progress, Talk


@contextlib.contextmanager
def shown() -> Iterator[Progress]:
    """A progress display for a session."""
    with progress() as bar:
        if bar.disable:
            yield ProgressLines("matching", lambda text, done, total: say(text))
            return
        task = bar.add_task("matching", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


TALK = Talk(say, _backend.say_once, shown)
