"""What all pages share: who gets in, the folder, the tasks that are under way, and the templates."""

from __future__ import annotations

import base64
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import jinja2
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from psiselect.base.entropy import Entropy, SystemEntropy
from psiselect.ui.access import Access
from psiselect.ui.folder import Folder
from psiselect.ui.forms import TOKEN, Sent, sent_form
from psiselect.ui.idle import Idle

HERE = Path(__file__).parent
PROGRESS = "progress.html"
QUESTION = "advise_question.html"
# Nothing from elsewhere, and no script at all.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# Of a page that one of this server's scripts makes quicker to use.
SCRIPT_POLICY = f"{POLICY}; script-src 'self'"
# Of a page whose script asks this server: how far the work is, or what follows from answers.
LIVE_POLICY = f"{SCRIPT_POLICY}; connect-src 'self'"
POLICIES = {
    PROGRESS: LIVE_POLICY,
    QUESTION: LIVE_POLICY,
    "match.html": SCRIPT_POLICY,
    "match_partner.html": SCRIPT_POLICY,
    "vote_protection.html": SCRIPT_POLICY,
}
_MOST_TASKS = 8  # under way at once; one more ends the oldest
_ID_BYTES = 12

Task = TypeVar("Task")


class Ending(Protocol):
    """What a task does at its end."""

    def close(self) -> None:
        """Stop what is at work, and let files go."""


class EndedError(Exception):
    """There is no such task any more."""


class BusyError(Exception):
    """So many tasks are at work that no other one may begin."""


class Tasks:
    """The tasks that are under way. Thread-safe."""

    def __init__(self, entropy: Entropy | None = None) -> None:
        self._entropy = entropy or SystemEntropy()
        self._lock = threading.Lock()
        self._found: OrderedDict[str, Ending] = OrderedDict()

    def add(self, task: Ending) -> str:
        """Keep a task; returns its name in addresses. The oldest one ends where there are too many, but none that is at
        work. Raises BusyError, and then the task has ended."""
        name = base64.urlsafe_b64encode(self._entropy.read(_ID_BYTES)).decode()
        with self._lock:
            over = len(self._found) >= _MOST_TASKS
            idle = next((each for each, old in self._found.items() if not getattr(old, "busy", False)), None)
            if over and idle is None:
                old: Ending | None = task
            else:
                old = self._found.pop(idle) if over and idle is not None else None
                self._found[name] = task
        if old is not None:
            old.close()
        if old is task:
            raise BusyError
        return name

    def find(self, name: str, kind: type[Task]) -> Task:
        """The task of this name. Raises EndedError."""
        with self._lock:
            found = self._found.get(name)
        if not isinstance(found, kind):
            raise EndedError
        return found

    def end(self, name: str) -> None:
        """End a task, if there is one of this name."""
        with self._lock:
            found = self._found.pop(name, None)
        if found is not None:
            found.close()

    def close(self) -> None:
        """End all tasks."""
        with self._lock:
            ended, self._found = list(self._found.values()), OrderedDict()
        for task in ended:
            task.close()


@dataclass
class Desk:
    """What all pages share."""

    access: Access
    folder: Folder
    idle: Idle
    tasks: Tasks = field(default_factory=Tasks)
    means: Mapping[str, Any] = field(default_factory=dict)  # what sessions run with; by default what suits the machine
    _templates: jinja2.Environment = field(
        default_factory=lambda: jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
    )

    def at(self, path: str) -> str:
        """The address of one of this server's pages."""
        return self.access.base + path

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page from a template. What it shows is escaped. Those in `POLICIES` may run this server's scripts."""
        made = self._templates.get_template(template).render(
            at=self.at, token_name=TOKEN, form_token=self.access.form_token, **values
        )
        policy = POLICIES.get(template)
        return HTMLResponse(made, status, None if policy is None else {"content-security-policy": policy})

    def refusal(self, status: int, title: str, sentence: str) -> Response:
        """A page that says that nothing was done."""
        return self.page("refused.html", status, title=title, sentence=sentence)

    def to(self, path: str) -> Response:
        """Send the browser to another page, so that loading it again sends no form."""
        return RedirectResponse(self.at(path), 303)

    async def sent(self, request: Request, files: int = 1) -> Sent:
        """See `sent_form`."""
        return await sent_form(request, self.access, files)


def working(answer: Callable[..., Response], *arguments: Any) -> Awaitable[Response]:
    """Make an answer outside the thread that serves, since reading a file takes a while."""
    return run_in_threadpool(answer, *arguments)
