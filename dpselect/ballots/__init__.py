"""Ballots from files and tables: an approval profile out.

    formats    recognises a format by its content, and reads those that are text
    preflib, pabulib, abcvoting: one format each
    tabular    reads ballots from a table, which a reader of tables has opened
    model      what every reader fills, and the rules for all of them

Rule: messages say where and what was expected, and never quote a ballot.
"""

from dpselect.ballots.formats import (
    FORMATS,
    HEAD,
    TABLE,
    load_candidates,
    parse,
    parse_candidates,
    recognise,
)
from dpselect.ballots.model import MAX_BYTES, OnInvalid, Profile, Reading, Rules
from dpselect.ballots.tabular import read

__all__ = [
    "FORMATS",
    "HEAD",
    "MAX_BYTES",
    "TABLE",
    "OnInvalid",
    "Profile",
    "Reading",
    "Rules",
    "load_candidates",
    "parse",
    "parse_candidates",
    "read",
    "recognise",
]
