"""docs/advisor.md and docs/advisor-reference.md: the texts of `page.md` and `reference.md`, with the rows of the tables
that decide. `docs/generate.py` writes them, and a test holds them in step."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterable

from cli.advisor import examples
from cli.advisor.cautions import TRIGGERS
from cli.advisor.conversation import MAX_QUESTIONS
from cli.advisor.elsewhere import KINDS, tool
from cli.advisor.fields import FIELDS, Field
from cli.advisor.labels import Label
from cli.advisor.printed_commands import SHIPPED
from cli.advisor.quantities import QUANTITIES
from cli.advisor.rules import RULES
from cli.advisor.words import phrase


def render() -> str:
    """The page for users, as Markdown."""
    return _text("page.md").format(
        questions=MAX_QUESTIONS,
        answers=_rows((a, a.meaning, a.recipients, a.party) for a in Label),
        tools=_rows((phrase(f"tools-for.{kind}"), tool(kind)) for kind in KINDS),
        examples=_rows((e["id"], e["title"], e["expected"]) for e in examples.items()),
    )


def render_reference() -> str:
    """The reference, as Markdown."""
    shipped = {(str(s.label), ", ".join(s.functions), s.steps.__name__.strip("_").replace("_", " ")) for s in SHIPPED}
    return _text("reference.md").format(
        rules=_rows((str(i), r.name, r.label, ", ".join(r.because), r.why, r.source) for i, r in enumerate(RULES, 1)),
        fields=_rows((f"`{f.name}`", f.ask, f.allowed, _not_stated(f), f.why) for f in FIELDS),
        warnings=_rows((t.tag, phrase(f"warning-titles.{t.tag}"), f"`{t.field}`") for t in TRIGGERS),
        quantities=_rows((q.name, f"`{q.formula}`", q.unit) for q in QUANTITIES),
        shipped=_rows(sorted(shipped)),
        examples=_rows((e["id"], e["title"], e["source"]["ref"].partition(", ")[2]) for e in examples.items()),
    )


def _text(name: str) -> str:
    return importlib.resources.files("cli.advisor").joinpath(name).read_text(encoding="utf-8")


def _rows(rows: Iterable[tuple[str, ...]]) -> str:
    """The rows of a table in Markdown."""
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def _not_stated(field: Field) -> str:
    return "*asked*" if field.always else "unknown" if field.default is None else str(field.default).lower()
