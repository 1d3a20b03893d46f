"""Under which heading `--help` of the session commands shows each option."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from cli._groups import GroupedCommand

_READING = ("form", "delimiter", "encoding", "csv_escape", "header", "header_lines", "sheet")


class SessionCommand(GroupedCommand):
    """A command that runs a session, or a part of one."""

    headings: ClassVar[Mapping[str, Sequence[str]]] = {
        "What to reveal": (
            *("terms", "reveal", "learn", "matching", "min_matches", "min_matches_by", "pad_to", "epsilon", "delta"),
            "protocol",
            *("value", "value_decimals", "value_max", "sent", "received", "label_bytes"),
        ),
        "Data": ("source", "query", "nulls", "strict", *_READING),
        "Data of B, where it differs from A": ("query_b", "keys_b", "nulls_b", *(f"{name}_b" for name in _READING)),
        "Trust": ("identity", "max_peer_size", "policy", "ledger", "dataset"),
        "Engine": ("engine", "master", "remote", "accept_plain_shuffle", "engine_workdir", "task_key"),
        "Operation": ("timeout", "resume", "workdir", "memory_limit", "threads", "backend"),
        "Output": ("output", "columns", "directory", "state", "audit", "record", "as_json", "help"),
        "Many sessions": (
            *("serve", "config", "check", "max_sessions", "peer_sessions", "max_duration", "grace", "health"),
            *("log", "results"),
        ),
    }


class EstimateCommand(GroupedCommand):
    """`psi estimate`."""

    headings: ClassVar[Mapping[str, Sequence[str]]] = {
        "The session": (
            *("protocol", "reveal", "learn", "keys", "key_bytes", "min_matches", "min_matches_by", "pad_to"),
            *("epsilon", "delta", "value_decimals", "value_max", "label_bytes"),
        ),
        "The machines": ("link", "memory_limit", "threads", "backend"),
        "Output": ("as_json", "help"),
    }


class CheckCommand(GroupedCommand):
    """`psi check`."""

    headings: ClassVar[Mapping[str, Sequence[str]]] = {
        "Data": ("query", "nulls", *_READING),
        "Operation": ("workdir", "memory_limit"),
        "Output": ("show", "as_json", "help"),
    }
