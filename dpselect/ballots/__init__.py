"""Ballots from files: CSV, PrefLib, Pabulib and abcvoting in, an approval profile out."""

from dpselect.ballots.formats import FORMATS, load, load_candidates, parse, parse_candidates
from dpselect.ballots.model import OnInvalid, Profile, Reading, Rules

__all__ = [
    "FORMATS",
    "OnInvalid",
    "Profile",
    "Reading",
    "Rules",
    "load",
    "load_candidates",
    "parse",
    "parse_candidates",
]
