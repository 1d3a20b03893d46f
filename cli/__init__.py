"""The command `psiselect`. Each command checks its options, calls the rooms below, and says what happened.

    main       the groups, and the one place where an error becomes an exit code; _errors: the table of exit codes
    advisor/   `advise`; demo/, mpc/, psi/, release/, vote/: one folder each
    budget, identity, poll, select, ui: one file each
    _identity  one's own identity, as commands load it
    _table     how a command names a table; _reading: what may be said about it; _read_by: what each command reads
    _score_table  candidates and scores from a table
    _ledger    the budget that a release is charged to
    _signals   what signals do to a command
    _backend   the arithmetic that a command uses, and a line where the fastest cannot be had
    _lazy      groups whose commands are loaded when they are asked for
    _numbers   numbers within bounds, as values of options
    _options   options of several commands put together; _groups: `--help` under headings
    _output    results and talk; _drawing: tables and bars; _fitting: tables in a terminal; _wrapping: long lines there
    words      errors, notes and results of these files; each folder has its own

Rule: results go to stdout, everything else to stderr.
"""
