"""Pages that are written in plain English stay so, and no link of any page is broken.

The rules: one sentence in a line, lines under 120 characters, at most 25 words in a sentence, at most five sentences in
a paragraph, and none of the banned words."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.checkout import ROOT
from support.plain import MOST_WORDS, anchors, broken_links, faults, paragraphs, sentences, words

# Pages that keep the rules, one in a line, sorted. A page is added here when it has been rewritten.
PLAIN = [
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
    "bench/results/README.md",
    "docs/advisor-reference.md",
    "docs/advisor-tasks.md",
    "docs/advisor.md",
    "docs/architecture.md",
    "docs/attacks-and-tests.md",
    "docs/ballot-formats.md",
    "docs/databases.md",
    "docs/elections.md",
    "docs/fast-protocol.md",
    "docs/first-match.md",
    "docs/glossary.md",
    "docs/install.md",
    "docs/normalization-reference.md",
    "docs/normalization.md",
    "docs/offline-protocol.md",
    "docs/offline.md",
    "docs/page.md",
    "docs/policy.md",
    "docs/privacy.md",
    "docs/protocol.md",
    "docs/python-advice.md",
    "docs/python-numbers.md",
    "docs/python-votes.md",
    "docs/python.md",
    "docs/resume.md",
    "docs/scale.md",
    "docs/serving-reference.md",
    "docs/serving.md",
    "docs/spark.md",
    "docs/systems/README.md",
    "docs/systems/less-informative.md",
    "docs/systems/mpc-and-noise.md",
    "docs/systems/noisy-numbers.md",
    "docs/systems/polls.md",
    "docs/systems/secure-sum.md",
    "docs/tables-reference.md",
    "docs/tables.md",
    "docs/threat-model.md",
    "docs/what-each-side-learns.md",
]

# Sentences that may be longer than the rules allow, as the check prints them: {page: {sentence: reason}}.
EXCEPTIONS: dict[str, dict[str, str]] = {}

LINKING = sorted(path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))


@pytest.mark.parametrize("page", PLAIN)
def test_page_is_plain(page: str) -> None:
    assert faults((ROOT / page).read_text(encoding="utf-8"), frozenset(EXCEPTIONS.get(page, ()))) == []


def test_exceptions_are_needed_and_have_a_reason() -> None:
    for page, reasons in EXCEPTIONS.items():
        text = (ROOT / page).read_text(encoding="utf-8")
        whole = {sentence for each in paragraphs(text) for sentence in sentences(" ".join(each.lines))}
        assert {sentence for sentence in whole if words(sentence) > MOST_WORDS} >= set(reasons), page
        assert all(reasons.values()), page


@pytest.mark.parametrize("page", LINKING)
def test_links_lead_somewhere(page: str) -> None:
    assert broken_links(ROOT / page) == []


LONG = " ".join(["one"] * 26)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One sentence.\nAnother, with `a. B` in code.\n", []),
        ("A sentence that goes on\nin the next line.\n", []),
        ("Jarecki et al. proved it.\n", []),
        ("It is a total. Another.\n", ["line 1: two sentences in a line"]),
        ("- One sentence.\n- Two sentences (here). Yes!\n", ["line 2: two sentences in a line"]),
        ("A.\nB.\nC.\nD.\nE.\n", []),
        ("A.\nB.\nC.\nD.\nE.\nF.\n", ["line 1: 6 sentences in a paragraph"]),
        (LONG[4:] + "\n", []),
        (LONG + "\n", [f"line 1: 26 words: {LONG}"]),
        (f"A list:\n\n1. *{LONG}*\n", [f"line 3: 26 words: {LONG}"]),
        ("x" * 119 + "\n", []),
        ("\n" + "x" * 120 + "\n", ["line 2: 120 characters in a line"]),
        (f"```text\n{'x' * 200}. A. {LONG}\nvisit\n```\n\n    {'x' * 200}\n", []),
        (f"| a | b |\n| --- | --- |\n| {LONG}. Two. | {'x' * 120} |\n", []),
        ("| a | b |\n| --- | --- |\n| a visit | b |\n", ["line 3: banned: visit"]),
        ("# Doors\n", ["line 1: banned: door"]),
        ("Two lines.\nThe peer is told so.\n", ["line 2: banned: is told"]),
        ("A [link](0123-goodbye.md) to the household, `goodbye`.\n", []),
        ("The keys of one side, and those of the other.\n", ["line 1: banned: that of"]),
        ("Both sides say the same.\n", ["line 1: banned: the same, of what?"]),
        ("Both sides say the same words.\n", []),
    ],
)
def test_faults_are_seen(text: str, found: list[str]) -> None:
    assert faults(text) == found


def test_a_long_sentence_may_be_excepted() -> None:
    assert faults(LONG, frozenset({LONG})) == []


def test_anchors_are_those_of_github() -> None:
    text = (
        "# The `psi` command: what, and why?\n\n## Löst_es\n\n## A-b c\n\n## A-b c\n\n## A-b c\n\n```text\n# no\n```\n"
    )
    assert anchors(text) == {"the-psi-command-what-and-why", "löst_es", "a-b-c", "a-b-c-1", "a-b-c-2"}


def test_broken_links_are_seen(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# A heading\n")
    page = tmp_path / "page.md"
    page.write_text(
        "# Here\n\n[a](other.md) [b](other.md#a-heading) [c](#here) [d](https://example.com/x#y) `[x](no.md)`\n\n"
        "[e](no.md)\n[f](other.md#no) ![g](no.png) [i](//example.com/x)\n\n| [h](#no) |\n| --- |\n"
    )
    assert broken_links(page) == [
        "line 5: no.md: no such file",
        "line 5: other.md#no: no such heading",
        "line 5: no.png: no such file",
        "line 8: #no: no such heading",
    ]
