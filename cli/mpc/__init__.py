"""`psiselect mpc`.

    command    secure sums and means
    functions  thresholds, maxima and winners
    results    what a sum has found, on the screen and in a file
    options    what all of them need to know, and how they read numbers; help_groups: under which headings they stand
    words      errors, notes, results

Rule: a command says before it starts who will learn what.
"""
