"""How the psi commands speak: notices on stderr, and progress as a bar on a terminal, else as a line now and then."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from cli import _backend
from cli._output import ProgressLines, progress, say
from psiselect.talk import Progress, Talk


@contextlib.contextmanager
def shown(keys: int) -> Iterator[Progress]:
    """A progress display for a session. keys: how many this side has."""
    what = f"matching {keys:,} {'key' if keys == 1 else 'keys'}"
    with progress(counted=False) as bar:
        if bar.disable:
            yield ProgressLines(what, lambda text, done, total: say(text))
            return
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


TALK = Talk(say, _backend.say_once, shown)
