"""`psiselect release`.

    command    one command per kind of number
    tables     the commands that release many numbers for one charge: by group, and above a threshold
    common     what they share: options, the table, the ledger, printing
    rows       which rows count, row by row: one column, of at most so many rows of each person
    streaming  the same in batches, added up as they stream by
    groups     rows in batches, added up for each group

Rule: the ledger is charged before anything is drawn.
"""
