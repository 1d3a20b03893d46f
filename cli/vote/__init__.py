"""`psiselect vote`.

    command  the winner, and the exact count
    plan     how likely the true winner is to come out, before any budget is spent

Rule: nothing but the winner depends on the ballots.
"""
