"""Writes the generated parts of the documentation, or checks that they are in step (`--check`).

- docs/cli.md: from the commands' own --help
- docs/protocol.md, between its markers: the state table, from psi.protocol.states.TABLE
- docs/tables.md, between its markers: what each command reads, from cli._read_by
- docs/advisor.md and docs/advisor-reference.md: from the advisor's rules
- docs/api.md: from the signatures and docstrings of the public names
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import api_reference
import click

import cli._read_by
import cli.advisor.docs
from cli.main import root
from psi.protocol.messages import MessageType
from psi.protocol.states import SEND, TABLE, State

DOCS = Path(__file__).parent


def cli_reference() -> str:
    """docs/cli.md: each command's --help, in the order of the command tree."""
    parts = [
        "# Command line",
        "",
        "Generated from the commands' `--help` by `make docs`; do not edit.",
        "",
        "Every command takes `--json` (the result as one JSON object). "
        "Results go to stdout, everything else to stderr.",
        "",
        "The exit code is the number by which a command says how it ended. 0: done. 1: an unexpected error (a bug). "
        "2: an option is wrong. 3: a file is wrong, or cannot be read or written. 4: the peer broke the protocol, "
        "refused, or has other terms. 5: the connection failed. 6: your own policy or budget refused, or "
        "`--min-matches` hides the result. `advise`: 0 recommended, 10 change the task, 11 undecided.",
        "",
    ]

    def visit(command: click.Command, path: list[str], parent: click.Context | None) -> None:
        context = click.Context(command, info_name=path[-1], parent=parent, max_content_width=100, terminal_width=100)
        parts.extend([f"## {' '.join(path)}", "", "```text", command.get_help(context).rstrip(), "```", ""])
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                if child is not None and not child.hidden:
                    visit(child, [*path, name], context)

    visit(root, ["psiselect"], None)
    return "\n".join(parts)


def state_table() -> str:
    """Markdown of the transition table."""
    lines = ["| state | may send | may receive |", "| --- | --- | --- |"]

    def cell(state: State, sending: bool) -> str:
        row = [
            f"{message.name} → {after.name}" if after is not state else message.name
            for (way, message), after in TABLE[state].items()
            if (way is SEND) is sending and message is not MessageType.ALIVE
        ]
        return "<br>".join(row) or "–"

    lines += [f"| {state.name} | {cell(state, True)} | {cell(state, False)} |" for state in State]
    return "\n".join([*lines, "", "ABORT may be received in every state but DONE and ends the session."])


def between(page: Path, name: str, content: str) -> str:
    """The page with `content` between the markers of that name."""
    begin, end = f"<!-- begin generated: {name} -->", f"<!-- end generated: {name} -->"
    head, _, rest = page.read_text().partition(begin)
    _, found, tail = rest.partition(end)
    if not found:
        raise SystemExit(f"{page.name}: no markers for {name}")
    return f"{head}{begin}\n{content}\n{end}{tail}"


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli_reference,
    "protocol.md": lambda: between(DOCS / "protocol.md", "states", state_table()),
    "tables.md": lambda: between(DOCS / "tables.md", "read-by", cli._read_by.markdown()),
    "advisor.md": cli.advisor.docs.render,
    "advisor-reference.md": cli.advisor.docs.render_reference,
    "api.md": api_reference.render,
}


def main() -> int:
    """Write or check all pages; the exit code says whether any was out of step."""
    stale = []
    for name, render in PAGES.items():
        page, content = DOCS / name, render()
        if page.exists() and page.read_text() == content:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            page.write_text(content)
    for name in stale:
        sys.stderr.write(f"docs/{name} {'is out of step: run `make docs`' if '--check' in sys.argv else 'written'}\n")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
