"""Which approach fits a task on private data: `psiselect advise`.

- A task: `fields` (what may be stated), `task` (reading and checking it), `numbers` (what follows from its numbers),
  `predicates` (what is true of it).
- The decision: `rules` (which approach), `logic` (unknown fields), `conversation` (asking for them).
- The table: `approaches` and `findings` (whether each approach fits, and why).
- Around the answer: `cautions` and `caution_words` (warnings), `edits` (changes to the task), `predictions` and
  `quantities` (the arithmetic), `printed_commands` (what to run), `elsewhere` (what to look for instead).
- Shown by: `answer` (all of it, and its JSON), `text` (terminal), `report`, `curves` and `svg` (page), `docs`
  (docs/advisor.md, from `page.md`), `command` (the command line).

One rule: what is true of a task is decided in `predicates`, and what is said of it is written in `words.toml`.
"""
