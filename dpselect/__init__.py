"""Private selection and private numbers, sampled exactly.

    privacy             the neighbouring relation and epsilon, both exact; decimals: decimal text and fractions
    scores              candidates' scores, and how far one person can move them
    mechanisms          one winner: permute-and-flip, exponential; committee: several; quantile, threshold
    approval            approval elections, from ballots to winners; ballots/ reads them
    numeric             noisy counts, sums, means, histograms; truncated: noise that stays in bounds
    grouped             tables by group, named or found by a threshold; gaussian: discrete Gaussian noise
    grid                bounds and unit of values; columnar: whole columns to whole numbers
    persons             at most so many rows of each person; names: when two pieces of text are the same name
    local_dp            polls in which each respondent randomises; responses: their answers as rows; shares: intervals
    sampling            exact samplers; coins, ladder, law: what they stand on
    planning, utility   how good a choice will be, from public parameters
    accounting          what releases cost; composition: a tighter total, to be shown
    ledger              the durable budget; amounts: how its file holds them
    words, words_choices, words_numbers, words_ledger: what people read from this room
    declaration_search  a search for data that break a declared sensitivity

Rule: no floating point between a score and a released value, but for filters that leave what they cannot prove to
fractions (columnar).
"""
