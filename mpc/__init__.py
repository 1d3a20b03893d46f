"""Sums and less informative functions among n parties who trust nobody.

    parties            who takes part: parties.toml
    terms, plan        what every party must say alike; from what is asked to these terms
    function_plan      the same for thresholds, maxima and winners
    fixedpoint         decimals as whole numbers of a unit; multiples: many numbers that share one unit
    sharing            additive shares; noise: shares of noise that nobody knows; winner: noise for a vote
    securesum          the secure sum, frames in, frames out; messages: what the parties say
    mesh, session      links to all parties; one party over these links, with one deadline
    functions          thresholds, maxima and winners on MPyC; mpyc_bridge: MPyC over our own links
    words              every error; words_messages: why a run ended, and what a party sent that is no message

Rule: no party's number leaves it but in shares.
"""
