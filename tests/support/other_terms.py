"""For each term a value that differs from the plain one, by the name that a mismatch is reported under.

`ALIKE` has what the other side needs besides its plain terms for that difference to be the only one.
"""

from __future__ import annotations

from psi.agreement.column_terms import ColumnTerms
from psi.agreement.modes import Comparer, Learner, Matching, Reveal, SessionProtocol
from psi.agreement.terms import KeyTerm
from support.parties import RAW

NOISY = {"reveal": Reveal.NOISY_COUNT, "epsilon": "1/2", "delta": "1/100"}
SUM = {"reveal": Reveal.SUM, "value_decimals": 2, "value_max": "100"}
COLUMNS = {"columns": ColumnTerms(connect=(), listen=("city",)), "label_bytes": 64}

OTHER_TERMS = {
    "version": {"version": 3},
    "suite": {"suite": "other"},
    "protocol": {"protocol": SessionProtocol.FAST},
    "reveal": {"reveal": Reveal.COUNT},
    "learn": {"learn": Learner.BOTH},
    "rule": {"keys": (KeyTerm("email/1", "11" * 32),)},
    "keys": {"keys": (RAW, RAW)},
    "chunk": {"chunk": 17},
    "epsilon": {**NOISY, "epsilon": "1"},
    "delta": {**NOISY, "delta": "1/10"},
    "matching": {"matching": Matching.ONE_TO_ONE},
    "min_matches": {"min_matches": 5},
    "min_matches_by": {"min_matches": 5, "min_matches_by": Comparer.OTHER},
    "pad_to": {"pad_to": 50},
    "columns": COLUMNS,
    "label_bytes": {**COLUMNS, "label_bytes": 65},
    "value_decimals": {**SUM, "value_decimals": 1},
    "value_max": {**SUM, "value_max": "99.5"},
}
ALIKE = {
    "label_bytes": COLUMNS,
    "value_decimals": SUM,
    "value_max": SUM,
    "epsilon": NOISY,
    "delta": NOISY,
    "min_matches_by": {"min_matches": 5},
}
