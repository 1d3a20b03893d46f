"""The best of a table of scores: what `psiselect select` and `psiselect.select` both stand on.

    scores  reads labels and scores, exactly
    best    one draw: its mechanism, its cost, its guarantee
    words   what people read from this room

Rule: the ledger is charged before anything is drawn.
"""
