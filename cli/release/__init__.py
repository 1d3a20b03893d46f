"""`psiselect release`.

    command  one command per kind of number
    common   what they share: options, the column, the ledger, printing
  rows     which rows count: one column, of at most so many rows of each person

Rule: the ledger is charged before anything is drawn.
"""
