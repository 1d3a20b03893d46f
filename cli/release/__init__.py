"""`psiselect release`.

    command  one command per kind of number
    common   what they share: options, the column, the ledger, printing

Rule: the ledger is charged before anything is drawn.
"""
