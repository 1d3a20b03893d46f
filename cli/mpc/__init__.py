"""`psiselect mpc`.

    command    secure sums and means
    functions  thresholds, maxima and winners
    options    what all of them need to know, and how they read numbers

Rule: a command says before it starts who will learn what.
"""
