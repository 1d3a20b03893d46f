"""What a match on the page is in a terminal."""

from __future__ import annotations

from psiselect.ui.lists import command_line, file_word, options_of
from psiselect.ui.match import Match
from psiselect.ui.match_terms import WAYS, Terms

_CALLED = "HOST"  # where nobody has said yet whom to call


def checks(match: Match) -> list[str]:
    """The check or, for a trial, the match."""
    own, keys = file_word(match.given.upload), _keys(match)
    if match.other is None:
        return [command_line(["psiselect", "psi", "check", own, *keys, *options_of(match.given.said)])]
    keys_b = [word for key in match.written_b for word in ("--key-b", key)]
    words = ["psiselect", "psi", "local", own, file_word(match.other.upload), *keys, *keys_b, *_matching(match)]
    return [command_line([*words, *options_of(match.given.said), "--output", "matched.csv"])]


def of_terms(match: Match, terms: Terms) -> list[str]:
    """The session, or this side's half of an exchange by files, on these terms."""
    identity, peer = match.identity, match.peer
    if identity is None or peer is None:
        return []
    own = file_word(match.given.upload)
    place = {
        "wait": ["listen", "--address", terms.address],
        "call": ["connect", terms.address if terms.host else f"{_CALLED}:{terms.port}"],
        "offer": ["offer"],
        "answer": ["answer", "offer.psi"],
    }[terms.way]
    words = ["psiselect", "psi", *place, "--identity", str(identity.certificate_path.with_suffix(""))]
    words += ["--peer", f"{peer.name}.crt", "--input", own, *_keys(match), *options_of(match.given.said)]
    words += terms.options()
    output = ["--output", "matched.csv"] if terms.has_rows else []
    if terms.way == "answer":
        return [command_line([*words, "--out", "answer.psi"])]
    if terms.way == "offer":
        finish = ["psiselect", "psi", "finish", "answer.psi", "--state", "offer.state", *output]
        made = command_line([*words, "--out", "offer.psi", "--state", "offer.state"])
        return [made, command_line([*finish, "--record", "record.json"])]
    return [command_line([*words, *output, "--record", "record.json"])]


def of_ways(match: Match, terms: Terms) -> dict[str, list[str]]:
    """For each way in which both sides may meet."""
    return {way: of_terms(match, Terms(**{**vars(terms), "way": way})) for way in WAYS}


def _keys(match: Match) -> list[str]:
    return [word for key in match.written for word in ("--key", key)]


def _matching(match: Match) -> list[str]:
    return ["--matching", match.matching] if match.matching != "one-to-many" else []
