"""What people read from this room: every error of a run among n parties. words_messages has those of messages.

Rule: no value of a party comes in here.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from psiselect.base.errors import InputError, PolicyError, UsageError

# The parties file.


def party_count(found: int, most: int) -> UsageError:
    return UsageError(f"expected 2 to {most} parties in the parties file, found {found}", term="party")


def same_twice(what: str) -> UsageError:
    """what: "name" or "certificate"."""
    return UsageError(
        f"the parties file lists two parties with the same {what}; give each party its own {what}", term=what
    )


def one_computes() -> UsageError:
    return UsageError(
        "at least 2 parties must compute, since one alone would see every value; in the parties file, give "
        'another party role = "both" or "server"',
        term="role",
    )


def nobody_inputs() -> UsageError:
    return UsageError(
        'no party brings a value; in the parties file, give a party role = "both" or "input"', term="role"
    )


def no_party(name: str, names: Iterable[str]) -> UsageError:
    return UsageError(f"the parties file has no party {name!r}; its parties are {', '.join(names)}", term="party")


def not_only_parties(path: Path) -> InputError:
    return InputError(
        f"{path}: expected one section for each party, which begins with the line [[party]], and nothing else in "
        "the file"
    )


def no_address(path: Path, name: str) -> InputError:
    return InputError(f'{path}: {name} needs a line address = "HOST:PORT", because other parties connect to {name}')


def not_text(where: str) -> InputError:
    return InputError(f'{where}: expected a text in quotes for every field, such as name = "alice"')


def unknown_field(where: str, field: str, known: Iterable[str]) -> InputError:
    return InputError(f"{where}: unknown field {field!r}; expected {', '.join(known)}")


def missing_field(where: str, field: str) -> InputError:
    return InputError(f"{where}: '{field}' is missing; add it")


def unusable_name(where: str) -> InputError:
    return InputError(f"{where}: 'name' is not usable; expected 1 to 40 letters, digits, dots, dashes or underscores")


def unknown_role(where: str) -> InputError:
    return InputError(f'{where}: \'role\': expected "both", "input" or "server"')


def in_entry(where: str, error: object) -> InputError:
    """error: what is wrong with an address or a certificate."""
    return InputError(f"{where}: {error}")


def other_identity(me: str) -> InputError:
    return InputError(
        f"the certificate that the parties file lists for {me} is not the certificate of your identity. Check "
        f"--party and --identity, and that all parties have the current certificate of {me}"
    )


# This party's numbers.


def not_a_decimal(what: str) -> InputError:
    return InputError(f"{what} is not a decimal number; write it like 3171.50", term=what)


def beyond_bound(what: str, bound: str) -> InputError:
    return InputError(
        f"{what} is outside the range that the agreed --bound {bound} allows; correct the value, or agree with all "
        "parties on a larger --bound"
    )


def not_a_multiple(what: str, unit: str) -> InputError:
    return InputError(
        f"{what} must be a whole multiple of {unit}; round the value, or agree with all parties on more --decimals"
    )


def no_value(me: str) -> UsageError:
    return UsageError(
        f"{me} must bring a value, and you gave none; give a value, or change the role of {me} in the "
        "parties file of every party",
        term="value",
    )


def value_of_a_server(me: str) -> UsageError:
    return UsageError(
        f"{me} is a server and brings no value; leave the value out, or change the role of {me} in the "
        "parties file of every party",
        term="value",
    )


def other_length(expected: int, found: int) -> UsageError:
    return UsageError(
        f"expected {expected} numbers, as all parties agreed, got {found}; correct your numbers, or agree on "
        "another length",
        term="length",
    )


def too_many_numbers(found: int, most: int) -> UsageError:
    return UsageError(f"expected 1 to {most} numbers for each party, got {found}", term="length")


# What all parties agree on.


def decimals(found: int) -> UsageError:
    return UsageError(f"decimals: expected 0 to 18, got {found}", term="decimals")


def bound(found: str) -> UsageError:
    return UsageError(f"bound: expected a number above 0, got {found}", term="bound")


def modulus(bits: int) -> UsageError:
    return UsageError(f"modulus: expected a whole number from 2 to 2^{bits}", term="modulus")


def no_room(modulus: int, addends: int, largest: int, spread: int, reach: int) -> PolicyError:
    """Amounts in units. spread: of the noise, 0 without."""
    noise = f" plus {spread} of noise" if spread else ""
    return PolicyError(
        f"the sum could reach +-{reach}, which is too large for the modulus {modulus}: {addends} values of "
        f"up to {largest} units{noise}. Agree with all parties on fewer --decimals, a smaller --bound or a "
        f"--modulus above {2 * reach}",
        term="modulus",
    )


def one_value() -> PolicyError:
    return PolicyError(
        "only one party brings a value, and the sum would be that value. Add parties that bring values", term="party"
    )


def two_values() -> PolicyError:
    return PolicyError(
        "only two parties bring a value, so each could subtract its own value from the sum and read the "
        "other value. Add a party that brings a value; or ask for less (`mpc threshold`, with a third "
        "party as a server); or add noise (--epsilon). With --allow-two-inputs, both parties accept that "
        "each learns the other's value",
        term="party",
    )


def no_majority(computing: int) -> PolicyError:
    return PolicyError(
        f"the parties file has {computing} parties that compute; expected at least 3, since one of two "
        "parties could read the input of the other. Add a third party that works with neither of the "
        'others, with role = "server". It brings no value and learns only the result',
        term="role",
    )


def candidate_count(found: int, most: int) -> UsageError:
    return UsageError(
        f"expected 2 to {most} candidates, found {found}; correct the list of candidates at every party", term="labels"
    )


def same_candidate() -> UsageError:
    return UsageError(
        "a candidate is in the list of candidates more than once; correct the list at every party", term="labels"
    )


def one_bids() -> UsageError:
    return UsageError(
        "only one party brings a number, so there is nothing to compare; in the parties file, give another party "
        'role = "both" or "input"',
        term="labels",
    )


def max_of_candidates() -> UsageError:
    return UsageError(
        "`mpc max` compares one number of each party. Use `mpc argmax` for the candidate with the largest "
        "total, or leave the candidates out"
    )


def too_many_bits(bits: int, most: int) -> PolicyError:
    return PolicyError(
        f"the values are too large to be compared: they need {bits} bits, and at most {most} bits are "
        "possible. Agree with all parties on a smaller --bound or fewer --decimals"
    )


# Noise.


def noise_of_a_vote_only() -> UsageError:
    return UsageError(
        "--epsilon is for approval votes only: give --candidates and whole numbers of approvals, without --decimals"
    )


def colluding_servers(found: int, most: int, servers: int) -> UsageError:
    return UsageError(
        f"colluding: expected 1 to {most}, got {found}; of {servers} computing parties, fewer than half may "
        "share what they know with each other",
        term="colluding",
    )


def colluding(found: int, parties: int) -> UsageError:
    return UsageError(
        f"colluding: expected 1 to {parties - 1}, got {found}. Each of the {parties} parties knows its own "
        "part of the noise, so at least one party must be counted, and not all",
        term="colluding",
    )


def no_noise() -> UsageError:
    return UsageError("a result with noise needs --epsilon and --sensitivity, both above 0", term="epsilon")


def share_size(found: object) -> UsageError:
    return UsageError(f"share of the noise (negative binomial): expected a size above 0 and at most 1, got {found}")


def lower(found: str, upper: str) -> UsageError:
    return UsageError(f"lower: expected a number below upper ({upper}), got {found}", term="lower")


def contributions(found: int) -> UsageError:
    return UsageError(f"contributions: expected 1 or more, got {found}", term="contributions")


def sensitivity(most: str) -> UsageError:
    return UsageError(
        f"sensitivity (how far one person can change a number): expected a number above 0 and at most {most} "
        "(--upper minus --lower)",
        term="sensitivity",
    )


def all_alike(unit: str, lower: str, upper: str) -> PolicyError:
    return PolicyError(
        f"at this epsilon, values are rounded to multiples of {unit}, and all values between {lower} and {upper} "
        "become the same. Agree with all parties on more --decimals, a larger --epsilon or fewer numbers for each "
        "party",
        term="unit",
    )


def no_mpyc() -> UsageError:
    return UsageError(
        "this function needs the library MPyC, which is not installed. Install it: pip install 'psiselect[mpc]'"
    )
