"""Under which heading `--help` of the session commands shows each option."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from cli._groups import GroupedCommand

_READING = ("form", "delimiter", "encoding", "csv_escape", "header", "sheet")


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
