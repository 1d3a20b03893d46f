"""docs/advisor.md, from the tables that decide: `docs/generate.py` writes it, a test holds it in step."""

from __future__ import annotations

from collections.abc import Sequence

from cli.advisor import examples
from cli.advisor.cautions import TRIGGERS
from cli.advisor.conversation import MAX_QUESTIONS
from cli.advisor.elsewhere import KINDS
from cli.advisor.fields import FIELDS
from cli.advisor.labels import LABELS
from cli.advisor.printed_commands import SHIPPED
from cli.advisor.quantities import QUANTITIES
from cli.advisor.questions import QUESTIONS
from cli.advisor.rules import RULES

INTRODUCTION = f"""# The advisor

Generated from the advisor's own tables by `make docs`; do not edit.

`psiselect advise` answers one question: which approach fits a task on private data? Secure multiparty computation
(MPC), differential privacy (DP), both, or neither; with the arithmetic for the task's own numbers, what the result
gives away, and the command to run. Where nothing fits it says so and offers changes, each of them tried by the same
rules.

    psiselect advise                                   # a conversation of at most {MAX_QUESTIONS} questions
    psiselect advise --example A09 > vote.toml         # a worked task to start from
    psiselect advise vote.toml --set epsilon_total=0.1 --report vote.html
    psiselect advise vote.toml --json

Exit code 0: recommended (`NO_PET` is a recommendation too). 10: change the task. 11: undecided, and the question is
printed.

## How it decides

Rules are tried in order and the first that holds gives the answer. A field that is not stated counts as unknown.
For the fields marked *asked* below, every possible value is tried: if all lead to one label, the field does not
matter; if not, it is asked on a terminal, or named with what each value would lead to. It is never guessed. Any
other field that is not stated takes its default, and the answer lists it under `assumed`. Epsilon is the user's;
the advisor never chooses or improves it, it only says which epsilon a wish would need.

Neighbouring data differ in one unit's data, with n public (replace-one), as in the article *Computing on private
data* that the criteria come from: a count has sensitivity 1, a histogram 2, a sum the width of its bounds. The
other relation, one unit more or less (add-remove), is printed beside it where it differs. Every label is judged in
a table, not only the recommended one: does it fit, the number that decides, the error at 95 %, seconds and bytes
where the toolkit can predict them, and who learns what.

Numbers come from the modules that do the work: choices from `dpselect.utility`, noise from `dpselect.numeric` and
`dpselect.local_dp`, shared noise from `mpc.noise`, set intersection from `psi.session.cost` with this machine measured
when the question is asked. What exists nowhere else is in `cli/advisor/formulas.py`. The cost of general secure
computation is not predicted: it varies by orders of magnitude.
"""

EXPERTS = """## Where experts differ

- **Desired is not required.** With `output_privacy = desired` and exactness only preferred, the advisor tries noise
  first and refuses when it is too much, rather than falling back on an exact sum. Many practitioners would take the
  exact sum.
- **No need to hide, noise allowed, noise useless.** When the result need not hide anybody and the noise would spoil
  it, the advisor recommends the exact result by secure sum (or publication by a trusted holder). A strict reading
  would refuse.
- **Two holders with many people each.** The total of two hospitals tells each the other's total. The advisor calls
  that nothing to protect; others accept it, since no single patient is seen.
- **The winner only.** An exact vote whose totals may not be known goes to a comparison inside MPC, which assumes an
  honest majority; a secure sum of totals needs no such assumption but shows more.
- **How many collude.** Shared noise is dimensioned for as many colluders as the tolerance pays for, and at least
  one. A fixed number (half, or all but one) is as defensible and costs a different error.
- **A quantile is useless** here when it may be a quarter of the ranks off; there is no agreed limit.
- **Malicious parties.** The shipped protocols assume that the program is followed. Private set intersection here
  withstands a cheating receiver better than that, but the advisor does not recommend it against one.

How the rules fare on tasks that they were not written from, disagreements included:
[advisor-tasks.md](advisor-tasks.md).
"""


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def render() -> str:
    """The whole page, as Markdown."""
    rules = [(str(i), r.name, r.label, ", ".join(r.because), r.why, r.source) for i, r in enumerate(RULES, 1)]
    fields = [
        (
            f"`{f.name}`",
            QUESTIONS[f.name].ask,
            ", ".join(f.choices) or f.kind.value,
            "*asked*" if f.always else "unknown" if f.default is None else str(f.default).lower(),
            QUESTIONS[f.name].why,
        )
        for f in FIELDS
    ]
    shipped = sorted(
        {(s.label, ", ".join(s.functions), s.steps.__name__.strip("_").replace("_", " ")) for s in SHIPPED}
    )
    worked = [(item["id"], item["title"], item["expected"], item["source"]["ref"]) for item in examples.items()]
    parts = [
        INTRODUCTION,
        "## Answers\n",
        _table(
            ("label", "family", "meaning", "recipients learn", "each party learns besides"),
            [(label, t.family, t.meaning, t.recipients, t.party) for label, t in LABELS.items()],
        ),
        "## Rules\n\nSources: S1, S2 (the two approaches), P1, P2 (their power and limitations), C (conclusion) are "
        "sections of the article.\n",
        _table(("#", "rule", "answer", "fields responsible", "why", "source"), rules),
        "## Criteria: the fields\n",
        _table(("field", "question", "allowed", "if not stated", "why it matters"), fields),
        "## Warnings\n",
        _table(("tag", "field"), [(t.tag, f"`{t.field}`") for t in TRIGGERS]),
        "## Numbers printed\n",
        _table(("quantity", "formula", "unit"), [(q.name, f"`{q.formula}`", q.unit) for q in QUANTITIES]),
        "## What ships, and what does not\n",
        _table(("answer", "functions", "by"), [(str(a), b, c) for a, b, c in shipped]),
        "Everything else carries the warning NOT_IMPLEMENTED and names a kind of tool to look for:\n",
        _table(("for", "look for"), [(kind.replace("_", " "), text) for kind, text in KINDS.items()]),
        "## Worked examples\n\n`psiselect advise --example ID` prints one as a task file.\n",
        _table(("id", "task", "answer", "from"), worked),
        EXPERTS,
    ]
    return "\n".join(parts)
