"""What both sides must want alike before anything derived from data moves.

    terms         all of it, one field each; the first difference is the error
    disagreement  what people are told where terms differ: both sides' values, in words
    modes         what is revealed, and to whom
    column_terms  which columns travel with a match
    amounts       how values add up
    noise         how much noise a noisy count has
    words         every error about terms that cannot be had

Rule: a term is public to both sides and equal on both. Private policy is never a term.
"""
