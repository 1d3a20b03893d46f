"""Numbers about private rows: what `psiselect release` and `psiselect.release` both stand on.

    numbers    one number or one histogram: from what is asked to what may be shown; tabling: many for one charge
    common     what these share: the table, the guarantee in words, the charge, and one way to draw
    rows       which rows count, row by row: one column, of at most so many rows of each person
    streaming  the same in batches, added up as they stream by
    groups     rows in batches, added up for each group

Rule: the ledger is charged before anything is drawn.
"""
