"""What people read of messages and links: how a run ended without a result, and what a party sent that is no message.

Rule: what a party has sent is not shown, apart from numbers, names of the parties file and names of terms.
"""

from __future__ import annotations

from collections.abc import Sequence

from psiselect.base.errors import RemoteError, TransportError

# What parties can disagree on, by the name in their messages.
_TERMS = {
    "at_least": "the threshold (--at-least)",
    "bound": "the bound (--bound)",
    "colluding": "how many parties may share what they know (--colluding)",
    "contributions": "how many values one protected group has (--contributions)",
    "epsilon": "the strength of the protection (--epsilon)",
    "function": "which function to compute",
    "labels": "the list of candidates",
    "length": "how many numbers each party contributes",
    "lower": "the lower limit (--lower)",
    "modulus": "the modulus (--modulus)",
    "neighbors": "what stays hidden (--neighbors)",
    "parties": "the parties file",
    "sensitivity": "how far one person moves a number (--sensitivity)",
    "unit": "the decimal places (--decimals)",
    "upper": "the upper limit (--upper)",
    "version": "the version of the program",
}


def _no_result(text: str) -> str:
    return f"there is no result: {text}"


# Why a run ended: `party` ended it, `by` saw it.


def other_terms(party: str, by: str, terms: Sequence[str]) -> RemoteError:
    if not terms:
        return RemoteError(
            _no_result(
                f"{party} and {by} do not agree on the settings. Nothing was shared. Agree on the same settings, and "
                "start all parties again"
            ),
            term=party,
        )
    differ = "; ".join(_TERMS.get(name, name) for name in terms)
    return RemoteError(
        _no_result(
            f"{party} and {by} do not agree on: {differ}. Nothing was shared. Agree on the same values, and start all "
            "parties again"
        ),
        term=terms[0],
    )


def missing(party: str, by: str) -> TransportError:
    return TransportError(
        _no_result(
            f"{by} reports that {party} did not connect in time. Check that {party}'s program is running and can "
            "be reached, then start all parties again"
        ),
        term=party,
    )


def silent(party: str, by: str) -> TransportError:
    return TransportError(
        _no_result(
            f"{by} reports that {party} stopped answering. Ask {party} what happened, then start all parties again"
        ),
        term=party,
    )


def lost(party: str, by: str) -> TransportError:
    return TransportError(
        _no_result(
            f"{by} reports that {party} lost the connection. Ask {party} what happened, then start all parties again"
        ),
        term=party,
    )


def stopped_from_outside(party: str) -> TransportError:
    return TransportError(
        _no_result(
            f"{party}'s program was stopped, by a person or by the computer. Ask {party} why, and start all "
            "parties again"
        ),
        term=party,
    )


def lost_here(me: str, by: str) -> TransportError:
    return TransportError(
        _no_result(
            f"{by} lost the connection to {me}. Perhaps another program of {me} is using it. Wait until all parties "
            "have ended, then start all parties again"
        ),
        term=me,
    )


def broke_the_protocol(party: str, by: str) -> RemoteError:
    return RemoteError(
        _no_result(
            f"{by} reports that {party} sent data that does not follow the protocol. Ask {party} which program and "
            "version they run"
        ),
        term=party,
    )


def gave_up(party: str, by: str) -> RemoteError:
    reports = "" if party == by else f"{by} reports that "
    return RemoteError(_no_result(f"{reports}{party} stopped the run. Ask {party} why"), term=party)


def with_detail(error: TransportError, detail: str | None, me: str, others: Sequence[str]) -> TransportError:
    """The same with what this party knows of the link, and which other parties it has no link to."""
    text = f"{error} (technical detail: {detail})" if detail else str(error)
    if others:
        text += f". {me} has no connection to {', '.join(others)} either"
    return TransportError(text, term=error.term)


def no_link(peer: str) -> TransportError:
    return TransportError(f"there is no connection to {peer}")


# What a party sent. The run ends, and names the party that sent it.


def _breaks_protocol(detail: str) -> RemoteError:
    return RemoteError(
        "another party sent data that does not follow the protocol. Ask the other parties which program and version "
        f"they run (technical detail: {detail})"
    )


def abort_names_nobody() -> RemoteError:
    return RemoteError(
        "another party stopped the run, but its message does not clearly say why. Ask the other parties what happened"
    )


def out_of_order() -> RemoteError:
    return _breaks_protocol("a message came out of order")


def seed() -> RemoteError:
    return _breaks_protocol("random bytes are not hexadecimal, or not as many as expected")


def chunk_length() -> RemoteError:
    return _breaks_protocol("a part of the numbers has a wrong length")


def torn_share(width: int) -> RemoteError:
    return _breaks_protocol(f"the length of a message is not a multiple of {width} bytes")


def share_too_large() -> RemoteError:
    return _breaks_protocol("a number is not below the agreed --modulus")


def result_too_long() -> RemoteError:
    return _breaks_protocol("a result is too long")


def different_results() -> RemoteError:
    return RemoteError(
        "the computing parties announced different results. Use none of these results. Ask each party which program "
        "and version they run"
    )


def no_such_result() -> RemoteError:
    return RemoteError(
        "the computing parties announced a result that is impossible for this computation. Ask each party which "
        "program and version they run"
    )


def last_with_content() -> RemoteError:
    return _breaks_protocol("the last message is not empty")


# What MPyC does not take.


def other_party() -> RemoteError:
    return _breaks_protocol("the first message to MPyC has the number of another party")


def unreadable_for_mpyc() -> RemoteError:
    return _breaks_protocol("MPyC cannot read a message")


def too_much_for_mpyc() -> RemoteError:
    return _breaks_protocol("a party sent much more data than MPyC asked for")


def pickle() -> RemoteError:
    return _breaks_protocol("a message is a pickle, a Python format that may run code, so the program refuses it")
