"""From a table to what goes into a run.

    items          distinct keys of a table, and the way back to its rows; distinct: in bounded memory
    checking       what a session would make of a list, for people; advice: what mends one that would not match
    linked         rows with several keys
    tokens         keys in an order that says nothing; spooled_tokens: from disk; row_tokens: of linked rows
    padding        dummies and fillers
    values         a column of values, exactly
    words          every error, and advice on a list

Rule: what leaves this room has a uniform order, drawn anew for each run.
"""
