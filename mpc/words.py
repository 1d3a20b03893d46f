"""What people read from this room: every error of a run among n parties. words_messages has those of messages.

Rule: no value of a party comes in here.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dpselect.words import counted, power_of_ten
from psiselect.base.errors import InputError, PolicyError, UsageError

# The parties file.


def party_count(found: int, most: int) -> UsageError:
    return UsageError(f"the parties file must have 2 to {most} parties, but it has {found}", term="party")


def same_twice(what: str) -> UsageError:
    """what: "name" or "certificate"."""
    return UsageError(
        f"the parties file lists two parties with the same {what}. Give each party its own {what}", term=what
    )


def one_computes() -> UsageError:
    return UsageError(
        "at least 2 parties must compute, because one party alone would see every value. In the parties file, give "
        'another party role = "both" or "server"',
        term="role",
    )


def nobody_inputs() -> UsageError:
    return UsageError(
        'no party contributes a value. In the parties file, give a party role = "both" or "input"', term="role"
    )


def no_party(name: str, names: Iterable[str]) -> UsageError:
    return UsageError(
        f"the parties file has no party {name!r}. Give one of these names with --party: {', '.join(names)}",
        term="party",
    )


def not_only_parties(path: Path) -> InputError:
    return InputError(
        f"{path}: this file must have one section for each party, and nothing else. Each section begins with the line "
        "[[party]]"
    )


def no_address(path: Path, name: str) -> InputError:
    return InputError(
        f"{path}: the party '{name}' has no address, but other parties connect to this party. Add a line with the "
        'address, such as address = "192.0.2.7:7000"'
    )


def not_text(where: str) -> InputError:
    return InputError(f'{where}: the value of every field must be in quotes, such as name = "alice"')


def unknown_field(where: str, field: str, known: Iterable[str]) -> InputError:
    return InputError(f"{where}: {field!r} is not a known field. Remove it. The fields are {', '.join(known)}")


def missing_field(where: str, field: str) -> InputError:
    return InputError(f"{where}: the field '{field}' is missing. Add this field")


def unusable_name(where: str) -> InputError:
    return InputError(f"{where}: 'name' must have 1 to 40 letters, digits, dots, dashes or underscores")


def unknown_role(where: str) -> InputError:
    return InputError(f'{where}: \'role\' must be "both", "input" or "server"')


def in_entry(where: str, error: object) -> InputError:
    """error: what is wrong with an address or a certificate."""
    return InputError(f"{where}: {error}")


def other_identity(me: str) -> InputError:
    return InputError(
        f"the certificate that the parties file lists for '{me}' is not the certificate of your identity. Check "
        f"--party and --identity, and that all parties have the current certificate of '{me}'"
    )


# This party's numbers.


def not_a_decimal(what: str) -> InputError:
    return InputError(f"{what}: this is not a decimal number. Write a number like 3171.50", term=what)


def beyond_bound(what: str, bound: str) -> InputError:
    return InputError(
        f"{what}: this number is outside the agreed range, from -{bound} to {bound} (--bound {bound}). Correct the "
        "number, or agree with all parties on a larger --bound"
    )


def not_a_multiple(what: str, unit: str) -> InputError:
    return InputError(
        f"{what}: this number has more decimal places than the agreed --decimals allow. It must be a whole multiple of "
        f"{unit}. Round the number, or agree with all parties on more --decimals"
    )


def no_value(me: str) -> UsageError:
    return UsageError(
        f"the party '{me}' must contribute a value, and you gave none. Give a value, or change the role of '{me}' in "
        "the parties file of every party",
        term="value",
    )


def value_of_a_server(me: str) -> UsageError:
    return UsageError(
        f"the party '{me}' is a server and contributes no value. Leave out the value, or change the role of '{me}' in "
        "the parties file of every party",
        term="value",
    )


def other_length(expected: int, found: int) -> UsageError:
    return UsageError(
        f"you gave {counted(found, 'number')}, but all parties agreed on {expected:,}. Correct your numbers, or agree "
        "with all parties on how many numbers each of them gives",
        term="length",
    )


def too_many_numbers(found: int, most: int) -> UsageError:
    return UsageError(f"each party must contribute 1 to {most:,} numbers, not {found:,}", term="length")


# What all parties agree on.


def decimals(found: int) -> UsageError:
    return UsageError(f"--decimals must be a number from 0 to 18, not {found}", term="decimals")


def bound(found: str) -> UsageError:
    return UsageError(f"--bound must be a number above 0, not {found}", term="bound")


def modulus(bits: int) -> UsageError:
    return UsageError(f"--modulus must be a whole number from 2 to 2^{bits}", term="modulus")


def no_room(modulus: int, addends: int, largest: int, spread: int, reach: int, *, most_bits: int) -> PolicyError:
    """Amounts in units. spread: of the noise, 0 without. most_bits: of a modulus."""
    noise = f", and noise of up to {_large(spread)}" if spread else ""
    bits = (2 * reach).bit_length()
    remedy = f", on a smaller --bound, or on --modulus 2^{bits}" if bits <= most_bits else " or on a smaller --bound"
    return PolicyError(
        f"with these settings, the sum could become too large. Agree with all parties on fewer --decimals{remedy}. "
        f"The reason: with --modulus {_large(modulus)}, the sum must stay below {_large(-(-modulus // 2))}, but it "
        f"could reach {_large(reach)}: {addends:,} values of up to {_large(largest)} each{noise}. These numbers are "
        "in units of the last decimal place: with --decimals 2, the value 1.50 counts as 150",
        term="modulus",
    )


def _large(number: int) -> str:
    """A number as people can read it: a power of 2 or 10 where it is long."""
    if number < 10**12:
        return f"{number:,}"
    if number & (number - 1) == 0:
        return f"2^{number.bit_length() - 1}"
    return f"about {power_of_ten(number)}"


def one_value() -> PolicyError:
    return PolicyError(
        "only one party contributes a value, so the sum would reveal this value. Add more parties that contribute "
        "values",
        term="party",
    )


def two_values() -> PolicyError:
    return PolicyError(
        "only two parties contribute a value, so each could subtract its own value from the sum and read the other "
        "value. Add a third party that contributes a value. Or hide the values with noise (--epsilon). Or ask only for "
        "a yes or no: `psiselect mpc threshold`, with a third party as a server. If both parties accept that each "
        "learns the other's value, add --allow-two-inputs",
        term="party",
    )


def no_majority(computing: int) -> PolicyError:
    return PolicyError(
        f"this computation needs at least 3 computing parties, but the parties file has only {computing}. With two, "
        'one party could read the input of the other. Add a third party with role = "server" that does not cooperate '
        "with either of the two. A server contributes no value and learns only the result",
        term="role",
    )


def candidate_count(found: int, most: int) -> UsageError:
    return UsageError(
        f"the list of candidates must have 2 to {most:,} names, but it has {found:,}. Correct the list of every party",
        term="labels",
    )


def same_candidate() -> UsageError:
    return UsageError(
        "a candidate is in the list of candidates more than once. Correct the list of every party", term="labels"
    )


def one_bids() -> UsageError:
    return UsageError(
        "only one party contributes a number, so there is nothing to compare. In the parties file, give another party "
        'role = "both" or "input"',
        term="labels",
    )


def max_of_candidates() -> UsageError:
    return UsageError(
        "`psiselect mpc max` compares one number from each party. To find the candidate with the largest total, use "
        "`psiselect mpc argmax`. Otherwise leave out --candidates"
    )


def too_many_bits(bits: int, most: int) -> PolicyError:
    return PolicyError(
        "the values are too large to be compared. Agree with all parties on a smaller --bound or fewer --decimals "
        f"(technical detail: the values need {bits} bits, and at most {most} bits are possible)"
    )


# Noise.


def noise_of_a_vote_only() -> UsageError:
    return UsageError(
        "--epsilon works only for approval votes. Give --candidates and whole numbers of approvals, without "
        "--decimals. Otherwise leave out --epsilon"
    )


def colluding_servers(found: int, most: int, servers: int) -> UsageError:
    return UsageError(
        f"--colluding must be {_from_one(most)}, not {found}. Of {servers} computing parties, fewer than half may "
        "share what they know with each other",
        term="colluding",
    )


def colluding(found: int, parties: int) -> UsageError:
    return UsageError(
        f"--colluding (how many parties may share what they know) must be {_from_one(parties - 1)}, not {found}. Each "
        "party already knows its own part of the noise, so 1 is the least. The {parties} parties together know the "
        f"whole noise, so {parties - 1} is the most",
        term="colluding",
    )


def _from_one(most: int) -> str:
    return "1" if most == 1 else f"from 1 to {most}"


def no_noise() -> UsageError:
    return UsageError("a result with noise needs --epsilon and --sensitivity, both above 0", term="epsilon")


def share_size(found: object) -> UsageError:
    return UsageError(
        f"size= (the part of the whole noise that one party adds) must be above 0 and at most 1, not {found}"
    )


def lower(found: str, upper: str) -> UsageError:
    return UsageError(f"--lower must be below --upper, but --lower is {found}, and --upper is {upper}", term="lower")


def contributions(found: int) -> UsageError:
    return UsageError(f"--contributions must be 1 or more, not {found}", term="contributions")


def sensitivity(most: str) -> UsageError:
    return UsageError(
        f"--sensitivity (how far one person can change a number) must be above 0, and at most {most} (--upper minus "
        "--lower)",
        term="sensitivity",
    )


def all_alike(unit: str, lower: str, upper: str) -> PolicyError:
    return PolicyError(
        f"with these --decimals and this --epsilon, the program rounds values to multiples of {unit}. Then all values "
        f"in your range, from {lower} (--lower) to {upper} (--upper), would become the same. Agree with all parties on "
        "more --decimals, a larger --epsilon or fewer numbers for each party",
        term="unit",
    )


def no_mpyc() -> UsageError:
    return UsageError(
        "this command needs the library MPyC, which is not installed. Install it: pip install 'psiselect[mpc]'"
    )
