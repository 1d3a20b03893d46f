"""`psiselect release`.

    command  one command per kind of number; tables: those that release many numbers for one charge
    options  the options that all of them have; help_groups: under which headings options stand
    shown    how a number is shown; words: errors, and results with their noise in words

Rule: what is released is in `psiselect.releases`; here it is asked for and printed.
"""
