"""A page for people without a terminal: `psiselect ui`. It runs on this machine, for one person.

    server    the loopback socket, the file that the browser opens, the end after idle time; idle: that time
    guard     who gets in, and what each answer says to the browser; access: the token, the cookie, the forms' token
    forms     what a form has sent; uploads: files that a form has sent
    folder    where draws and budgets are recorded
    told      errors in the words of the page; words: what its code says; words_choices: names of what can be chosen
    site      all pages together; desk: what they share
    vote      an election as a task; vote_pages: its pages
    lists     a table that a form has sent
    numbers   numbers about a table as a task; number_pages: their pages
    match     a match as a task; match_terms: what both sides agree on; match_commands: the same in a terminal
    exchanges exchanges by files that wait for an answer
    match_pages, partner_pages, session_pages, exchange_pages: the pages of a match
    work      what takes a while, in a thread; workroom: the files that it writes
    ledgers   budgets in files; budget_pages: what was spent; record_pages: signed records
    advising  the advisor's questions as pages
    templates/, static/: what the browser shows

Rule: pages hold no logic of their own. What they compute, the command computes by the same function.
"""
