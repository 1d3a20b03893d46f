"""A private winner of ballots: what `psiselect vote winner` and `psiselect.elect` both stand on.

    ballots      reads them: from a file of any format, a table in a database, or one that a program holds
    winner       one draw: its mechanism, its cost, its guarantee
    draws        the record that one draw is the result
    announcing   the announcement of a draw, as a page to print
    expectation  what epsilon means for an election of a known size
    words        what people read from this room; words_announcing: of announcements

Rule: nothing but the winner depends on the ballots.
"""
