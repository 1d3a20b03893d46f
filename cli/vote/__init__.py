"""`psiselect vote`.

    command  the winner, and the exact count
    options  what every command may be told about ballots; help_groups: under which headings options stand
    expect   what epsilon means, in words
    announce the announcement of a draw, to be published
    plan     how likely the true winner is to come out, before any budget is spent
    words    errors, notes, results

Rule: nothing but the winner depends on the ballots.
"""
