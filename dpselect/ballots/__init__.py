"""Ballots from files and tables: an approval election out.

    formats    recognises a format by its content, and reads those that are no tables
    preflib, pabulib, blt: one format of lines each; abcvoting, belenios: one document each
    numbered   ballots that name candidates by number
    tabular    reads ballots from a table, which a reader of tables has opened; shapes finds its columns
    cells      which candidates a cell names; decodable: whether that has one answer; matrix: cells of yes and no
    voters     which row counts for each voter
    model      what every reader fills, and the rules for all of them
    words, words_files: what people read from this room

Rule: messages say where and what was expected, and never quote a ballot, unless the tallier asks to see it.
"""

from dpselect.ballots.formats import (
    FORMATS,
    HEAD,
    TABLE,
    load_candidates,
    parse,
    parse_candidates,
    read_stream,
    recognise,
)
from dpselect.ballots.model import (
    MAX_BYTES,
    BallotColumnError,
    Counted,
    Election,
    OnInvalid,
    Other,
    Profile,
    Reading,
    Repeated,
    Rules,
)
from dpselect.ballots.tabular import read

__all__ = [
    "FORMATS",
    "HEAD",
    "MAX_BYTES",
    "TABLE",
    "BallotColumnError",
    "Counted",
    "Election",
    "OnInvalid",
    "Other",
    "Profile",
    "Reading",
    "Repeated",
    "Rules",
    "load_candidates",
    "parse",
    "parse_candidates",
    "read",
    "read_stream",
    "recognise",
]
