"""Which approach fits a task on private data: `psiselect advise`.

    fields, task      what may be stated; reading and checking it; examples: the tasks that ship
    numbers           what follows from a task's numbers; formulas, sources, costs: where numbers come from
    predicates        what is true of a task; lazy: properties that are computed once
    rules, logic      which approach; what the answer can still be when fields are unknown; labels: the answers
    conversation      asking for what can still change the answer
    approaches        whether each approach fits, and why; findings: what that table is made of
    case              a decided task, for: cautions, caution_words (warnings), edits (changes), predictions, quantities
                      (the arithmetic), printed_commands (what to run), fast_protocol (a note beside it),
                      elsewhere (what to look for instead), tools (their names, from tools.toml), branches (what
                      unknown fields would lead to)
    answer            all of it, and its JSON; text: in a terminal; report, curves, svg: a page; scaffold: a folder;
                      docs: docs/advisor.md and advisor-reference.md
    words, wording    the words, from words.toml; numbers as people read them; words_errors: the errors
    command           the command line

Rule: what is true of a task is decided in `predicates`, and what is said of it is written in `words.toml`.
"""
