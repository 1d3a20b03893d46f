"""`psiselect psi`.

    group      where each command is
    command    listen and connect; local: both parties here; estimate: what a session would cost;
               offline: the commands by files, and engine_options: on Spark or Sail;
               verify: the check of a signed record; check: that of a list
    options    what click takes; addresses: those among them; help_groups: under which headings they stand
    columns, values, policy, records: groups of options; shared_terms: the file of terms
    results    what was found, in words or as JSON; talk: notices and progress
    runs       the sessions that a policy has counted
    serve      a listener that keeps running, told by signals; serve_options: its options; config: these in a file
    json_log   its log; log_writer: where log lines go
    words      errors, notes, lines of the log, results

What a session is put together from is in `psiselect.matching`.

Rule: these modules read options and print; they decide nothing about a session.
"""
