"""From identifiers as people write them to canonical values: published, versioned rules over Arrow columns.

    rule        what a rule is; text, email, phone, date: the rules, with their first versions
    characters  what nobody sees, look-alikes, and placeholders
    numbering, phone_columns: telephone numbers by whole columns; written_numbers: as quantities; regions: countries
    key         `--key COLUMN[:RULE]`, and compound keys
    words       every error, and why a value cannot be read

Rules are described for both parties in docs/normalization.md. What they compare before any data moves is
`KeySpec.digest()`, which covers rule, version and options and not the column's name.

Rule: columns in, columns out; nothing is read or kept.
"""

from __future__ import annotations

from psi.normalize.key import FIRST, RULES, KeyPart, KeySpec, parse_key
from psi.normalize.rule import Normalized, Reason, Rule

__all__ = ["FIRST", "RULES", "KeyPart", "KeySpec", "Normalized", "Reason", "Rule", "parse_key"]
