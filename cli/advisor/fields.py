"""The questionnaire's fields, one a line: name, kind, limits, default, unit.

`always` fields are never assumed: when one is unknown and can change the answer, the advisor asks. Every other unknown
field takes its default, and the answer lists it under `assumed`. `tries` are the values that the three-valued logic
puts in for an unknown field to see whether it can matter; `beyond` those that it adds to list all possible answers.
Their words are in `words.toml`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from cli.advisor.wording import value_words
from cli.advisor.words import phrase


class Kind(Enum):
    """How a field's value is written."""

    CHOICE = "choice"
    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    PAIR = "pair"
    TOLERANCE = "tolerance"


@dataclass(frozen=True)
class Field:
    """One field. `low` is the least value allowed (`above`: not even that value itself); `high` the greatest."""

    name: str
    kind: Kind
    default: Any
    unit: str = ""
    choices: tuple[str, ...] = ()
    low: float | None = None
    above: bool = False
    high: float | None = None
    tries: tuple[Any, ...] = ()
    beyond: tuple[Any, ...] = ()
    always: bool = False

    @property
    def alternatives(self) -> tuple[Any, ...]:
        """The values tried for this field while it is unknown."""
        if self.tries:
            return self.tries
        return (False, True) if self.kind is Kind.BOOL else self.choices

    @property
    def extremes(self) -> tuple[Any, ...]:
        """The same, and numbers that are smaller and larger than those of sensible tasks."""
        return (*self.alternatives, *self.beyond)

    @property
    def allowed(self) -> str:
        """The words that it may be, or what is expected of its value."""
        return ", ".join(self.choices) or phrase(f"kinds.{self.kind.value}")

    @property
    def title(self) -> str:
        """Its name in words, for lists and the report."""
        return phrase(f"fields.{self.name}.title")

    @property
    def ask(self) -> str:
        """The question that asks for it."""
        return phrase(f"fields.{self.name}.ask")

    @property
    def example(self) -> str:
        """An answer to the question."""
        return phrase(f"fields.{self.name}.example")

    @property
    def why(self) -> str:
        """Why it matters."""
        return phrase(f"fields.{self.name}.why")

    def means(self, choice: str) -> str:
        """What one of the choices means; not for `na`, which is never offered."""
        return phrase(f"fields.{self.name}.words.{choice}")

    def said(self, value: object) -> str:
        """A value in words: what a choice means, numbers and answers as people write them."""
        meant = value in self.choices and value != "na"
        return self.means(str(value)) if meant else value_words(None if value == "na" else value)

    def stated(self, value: object) -> str:
        """Name and value in few words, for the middle of a sentence: of a choice, what stands before the comma."""
        said = self.said(value)
        return f"{self.within}: {said.partition(',')[0] if self.kind is Kind.CHOICE else said}"

    @property
    def within(self) -> str:
        """Its name, for the middle of a sentence."""
        return self.title[:1].lower() + self.title[1:]


# fmt: off
FUNCTIONS = (
    "intersection", "intersection_size", "intersection_sum", "intersection_join_stats", "lookup", "sum", "mean",
    "count", "proportion", "histogram", "quantile", "extreme", "select_best", "top_k", "threshold", "equality",
    "all_agree", "auction", "inference", "training", "custom", "row_release", "individual_record",
)
RECIPIENTS = ("participants", "one_participant", "subset", "external", "public")
WISH = ("required", "desired", "not_needed")
TOLERANCES = ({"kind": "rel", "value": 0.01}, {"kind": "rel", "value": 0.5})
UNITS, HOLDERS = (5, 100, 5000, 10**6), (1, 2, 5, 500, 10**5)
BOUNDS = ([0.0, 1.0], [0.0, 100.0], [0.0, 1e4], [0.0, 1e6])
C, B, N, F = Kind.CHOICE, Kind.BOOL, Kind.INT, Kind.FLOAT

# In the order in which the conversation asks, should several matter.
FIELDS: tuple[Field, ...] = (
    Field("function", C, None, choices=FUNCTIONS, always=True),
    Field("data_public", B, False),
    Field("n_holders", N, 1, "parties", low=1, high=1e12, tries=HOLDERS, always=True),
    Field("each_holder_one_unit", B, False, always=True),
    Field("trusted_curator", B, False, always=True),
    Field("recipients", C, "participants", choices=RECIPIENTS),
    Field("exact", C, "not_needed", choices=("required", "preferred", "not_needed"), always=True),
    Field("output_privacy", C, "not_needed", choices=WISH, always=True),
    Field("match", C, None, choices=("exact", "fuzzy")),
    Field("adversary", C, "semi_honest", choices=("semi_honest", "malicious")),
    Field("n_units", N, None, "units", low=1, high=1e12, tries=UNITS, beyond=(10**12,), always=True),
    Field("n_a", N, None, "items", low=1, high=1e12, tries=(100, 10**5, 10**7)),
    Field("n_b", N, None, "items", low=1, high=1e12, tries=(100, 10**5, 10**7)),
    Field("bounded", C, "na", choices=("yes", "clampable", "no", "na"), tries=("yes", "clampable", "no")),
    Field("bounds", Kind.PAIR, None, "of the data", tries=BOUNDS),
    Field("n_candidates", N, None, "candidates", low=2, high=1e9, tries=(2, 10, 1000, 10**6)),
    Field("output_dim", N, 1, "numbers", low=1, high=1e9, tries=(1, 5, 100)),
    Field("score_gap", F, None, "votes", low=0, tries=(1.0, 10.0, 1000.0)),
    Field("score_sensitivity", F, None, "votes", low=0, above=True, tries=(1.0, 5.0)),
    Field("expected_value", F, None, "of the output", tries=(1.0, 100.0, 1e4, 1e6)),
    Field("tolerance", Kind.TOLERANCE, None, "of the output, at 95 %", tries=TOLERANCES),
    Field("helper_servers", B, None),
    Field("epsilon_total", F, None, "nats", low=0, above=True, high=1000, tries=(0.01, 0.5, 10.0),
          beyond=(1e-6, 1000.0), always=True),
    Field("delta", F, 0.0, low=0, high=0.1),
    Field("releases", N, 1, "releases", low=1, high=1e9, tries=(1, 30, 365)),
    Field("unit_per_release", B, False, always=True),
    Field("inputs_change", B, False),
    Field("max_contrib", N, 1, "records", low=1, high=1e9, tries=(1, 5, 100)),
    Field("domain_known", B, None),
    Field("outlier_sensitive", B, False),
    Field("dominant_possible", B, False),
    Field("aux_likely", B, False),
    Field("ids_enumerable", B, False),
    Field("anonymous_participants", B, False),
    Field("always_online", B, True),
)
# fmt: on

BY_NAME: Mapping[str, Field] = {field.name: field for field in FIELDS}
ALWAYS: frozenset[str] = frozenset(field.name for field in FIELDS if field.always)

INTERSECTIONS = ("intersection", "intersection_size", "intersection_sum", "intersection_join_stats", "lookup")
ELEMENTS = ("intersection", "lookup")
ONE_BIT = ("threshold", "equality", "all_agree")
SELECTIONS = ("select_best", "top_k")
COUNTS = ("count", "proportion", *ONE_BIT)
# Functions of which each number is a command of its own.
ONE_COMMAND_EACH = ("sum", "mean", *COUNTS, "quantile", "intersection_size", "intersection_sum")
ADDITIVE = ("sum", "mean", "count", "proportion", "histogram")
