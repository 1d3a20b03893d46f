"""`psiselect release`.

    command  one command per kind of number; tables: those that release many numbers for one charge
    options  the options that all of them have, and how one number is shown

Rule: what is released is in `psiselect.releases`; here it is asked for and printed.
"""
