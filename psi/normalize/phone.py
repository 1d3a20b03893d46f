"""Rule `phone`: E.164 as the `phonenumbers` library (libphonenumber) reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc

from psi.normalize.rule import Problems, Reason, Rule

_PARSE_REASONS = {
    phonenumbers.NumberParseException.INVALID_COUNTRY_CODE: Reason.COUNTRY,
    phonenumbers.NumberParseException.NOT_A_NUMBER: Reason.NOT_A_NUMBER,
    phonenumbers.NumberParseException.TOO_SHORT_AFTER_IDD: Reason.LENGTH,
    phonenumbers.NumberParseException.TOO_SHORT_NSN: Reason.LENGTH,
    phonenumbers.NumberParseException.TOO_LONG: Reason.LENGTH,
}
_REASONS = (Reason.NOT_A_NUMBER, Reason.COUNTRY, Reason.LENGTH, Reason.EXTENSION)


@dataclass(frozen=True, slots=True)
class Phone(Rule):
    """A telephone number in E.164 form, `+48601234567`.

    region: ISO 3166 code of the country whose national formats are read; without it only numbers that begin with a
    plus sign and a country code are.
    extension: `refuse` makes a number with an extension unreadable, since the number without it is shared; `drop`
    takes the extension off.
    """

    extension: str = "refuse"
    region: str = "none"

    name: ClassVar[str] = "phone"
    version: ClassVar[int] = 1
    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "extension": ("refuse", "drop"),
        "region": ("none", *sorted(phonenumbers.SUPPORTED_REGIONS)),
    }

    def _read(self, text: pa.LargeStringArray) -> tuple[pa.Array, Problems]:
        # The library takes tens of microseconds a number, so each distinct text is read once.
        coded = text.dictionary_encode()
        read = [self.read(value) for value in coded.dictionary.to_pylist()]
        numbers = pa.array([r if not isinstance(r, Reason) else None for r in read], pa.large_string())
        why = np.array([_REASONS.index(r) if isinstance(r, Reason) else -1 for r in read], np.int8)
        codes = pa.array(why).take(coded.indices)
        return numbers.take(coded.indices), [(r, pc.equal(codes, i)) for i, r in enumerate(_REASONS)]

    def read(self, value: str) -> str | Reason:
        """One number, or why it is none."""
        try:
            number = phonenumbers.parse(value, None if self.region == "none" else self.region)
        except phonenumbers.NumberParseException as error:
            return _PARSE_REASONS[error.error_type]
        if number.extension and self.extension == "refuse":
            return Reason.EXTENSION
        # Not is_possible_number(), which also takes numbers that can only be dialled within one area.
        if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
            return Reason.LENGTH
        return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
