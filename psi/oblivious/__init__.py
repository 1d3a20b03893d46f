"""Oblivious transfers: base transfers, their extension, vector evaluations over F_q, and transfers that add up values.

    base        transfers of one seed out of two, from the session's own oblivious PRF
    trees       all seeds but one of each column, from those
    vole        vector oblivious linear evaluation over F_q, from seeds: what both kinds of run stand on
    field       F_2 and F_16 on planes of bits
    extension   as many transfers as there are items, from 128, with a check of the side that chooses
    correlated  one chooses items by secret bits, the other's values add up, neither sees the other's
    columns     the bits of all this: columns of pseudo-random bits, turned into rows, multiplied, compared
    cost        what it all costs, measured
    words       every error

In a run of `psi` the run's sender has values and the run's receiver has a bit for each of them. The base transfers go
the other way round: there the run's sender chooses.

Rule: nothing here depends on what a value or a bit stands for.
"""
