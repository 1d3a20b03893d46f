"""The options of `psi listen --serve`. Apart from what they start: a session that ends by itself loads none of that."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

from cli._numbers import Seconds, WholeNumber
from cli._options import options
from cli.psi import config, words
from cli.psi.results import Printed
from psi.transport.address import Address
from psiselect.base.errors import UsageError

if TYPE_CHECKING:
    from psi.serve.serving import ServeLimits

_DAY = 86_400.0
_SECONDS = Seconds(0, min_open=True)


@dataclass(frozen=True)
class Service:
    """What is asked of a listener that keeps running. config: where options came from. check: only look."""

    max_sessions: int
    peer_sessions: int
    max_duration: float
    grace: float
    health: Address | None
    log: Path | None
    results: Path | None = None
    config: Path | None = None
    check: bool = False

    def speaker(self, as_json: bool) -> Printed:
        """Where results go."""
        most = self.limits(1.0).most_unwritten
        return Printed(as_json) if self.check else Printed(as_json, self.results, most)

    @classmethod
    def asked(cls, serve: bool, found: dict[str, Any]) -> Self | None:
        """What its options say; None without `--serve`. Raises UsageError for one that makes no sense without it."""
        if not serve:
            extra = next((name for name, value in found.items() if value not in (None, False)), None)
            if extra is not None:
                wanted = words.SERVE_IN_FILE if extra == "config" else words.SERVE
                raise words.not_staying_up(extra.replace("_", "-"), wanted)
            return None
        chosen = {name: _DEFAULTS[name] if value is None else value for name, value in found.items()}
        return cls(**chosen)

    def limits(self, stall_seconds: float) -> ServeLimits:
        """Those of the server."""
        from psi.serve.serving import ServeLimits

        return ServeLimits(self.max_sessions, self.peer_sessions, stall_seconds, self.max_duration)


_DEFAULTS: dict[str, Any] = {
    "max_sessions": 4,
    "peer_sessions": 1,
    "max_duration": _DAY,
    "grace": 60.0,
    "health": None,
    "log": None,
    "config": None,
    "results": None,
}


class _HealthAddress(click.ParamType[Address]):
    name = "[HOST:]PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        try:
            text = f"127.0.0.1:{value}" if str(value).isdecimal() else str(value)
            return Address.parse(text, every=True)
        except UsageError as error:
            self.fail(str(error), param, ctx)


SERVE_OPTIONS = options(
    click.option(
        "--serve",
        is_flag=True,
        help="Keep running for many sessions, until Ctrl-C or `kill` (the signal SIGTERM). --output and --record must "
        "then name a folder, or a file with {session} in its name. See docs/serving.md.",
    ),
    click.option(
        "--max-sessions",
        type=WholeNumber(1),
        metavar="N",
        help="With --serve: run at most N sessions at once [default: 4].",
    ),
    click.option(
        "--peer-sessions",
        type=WholeNumber(1),
        metavar="N",
        help="With --serve: run at most N sessions at once with one peer [default: 1].",
    ),
    click.option(
        "--max-duration",
        type=_SECONDS,
        metavar="SECONDS",
        help="With --serve: end a session that takes longer than this many seconds [default: a day].",
    ),
    click.option(
        "--grace",
        type=Seconds(0),
        metavar="SECONDS",
        help="With --serve: after Ctrl-C or `kill`, let sessions go on for this many seconds [default: 60].",
    ),
    click.option(
        "--health",
        type=_HealthAddress(),
        metavar="[HOST:]PORT",
        help="With --serve: let monitoring programs ask at this address whether the listener works (HTTP: /livez, "
        "/readyz, /metrics) [default host: 127.0.0.1].",
    ),
    click.option(
        "--log",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="With --serve: append the log to this file, one JSON object per line, and not to stderr.",
    ),
    config.OPTION,
    click.option(
        "--check",
        is_flag=True,
        help="With --serve: check options, certificates, policy and input, and end without listening.",
    ),
    click.option(
        "--results",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="With --serve: append each session's result, a JSON line, to this file and not to stdout. Before "
        "each session, the listener reserves the disk space for its line.",
    ),
)
