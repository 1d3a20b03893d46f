"""PostgreSQL: addresses, and reading through ADBC."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import quote, unquote

from psi.tables import words_remote
from psi.tables.database import Statement, bare, identifier, load_driver, one_line, require_names

_BATCH_BYTES = 4 << 20
_NOT_IN_ENCODING = "22021"  # SQLSTATE
_HOST = re.compile(r"(\[[0-9A-Fa-f:.%]*\]|[^:\[\]]*)(:\d*)?")
# What libpq is told unless the address says otherwise, and what it is told in any case.
_DEFAULTS = "connect_timeout=30&fallback_application_name=psiselect"
_ALWAYS = "client_encoding=UTF8"


class Postgres:
    """A PostgreSQL server."""

    options: ClassVar[Mapping[str, str]] = {"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)}

    # What Arrow has the same type for. The server writes anything else as text, as it does for its own clients.
    _AS_IT_IS = frozenset(
        b"bool int2 int4 int8 float4 float8 text varchar name bytea date timestamp timestamptz".split()
    )
    # Classes of SQLSTATE whose messages speak of the statement and the server, not of values.
    _WITHOUT_DATA = frozenset(("08", "0A", "25", "28", "3D", "3F", "42", "53", "54", "55", "57", "58"))
    _HARMLESS = re.compile("canceling |terminating |server closed |division by zero|cannot execute ")

    def __init__(self, where: str) -> None:
        self._address = PostgresAddress.parse(where)
        self.name = self._address.name

    def connect(self) -> Any:
        connection = load_driver("adbc_driver_postgresql.dbapi").connect(self._address.uri)
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return connection

    def prepare(self, cursor: Any, query: str) -> Statement:
        described = cursor.adbc_execute_schema(query)
        require_names(described.names, self.name)
        columns = ", ".join(
            quoted
            if (field.metadata or {}).get(b"POSTGRESQL:type") in self._AS_IT_IS
            else f"{quoted}::text AS {quoted}"
            for field, quoted in ((field, identifier(field.name)) for field in described)
        )
        sql = f"SELECT {columns} FROM (\n{query}\n) AS psiselect"  # noqa: S608 - the query is the user's own
        return Statement(sql, bare(cursor.adbc_execute_schema(sql)))

    def words(self, message: str, sqlstate: str | None) -> str | None:
        _, failed, reason = message.partition("Failed to connect: ")
        if failed:
            return words_remote.not_connected(self._address.without_secrets(one_line(reason)))
        if sqlstate == _NOT_IN_ENCODING or "invalid byte sequence for encoding" in message:
            return words_remote.SQL_ASCII
        found = re.search(r"(?:ERROR|FATAL):\s+(.*)", message)
        if found is None:
            return None
        harmless = sqlstate[:2] in self._WITHOUT_DATA if sqlstate else self._HARMLESS.match(found[1])
        return words_remote.reported(found[1].strip()) if harmless else None


@dataclass(frozen=True)
class PostgresAddress:
    """name: for people, without password and parameters. uri: for libpq, every part percent-encoded. secrets: what
    must not be shown, as it is and as `uri` spells it."""

    name: str
    uri: str = field(repr=False)
    secrets: frozenset[str] = field(repr=False)

    @classmethod
    def parse(cls, where: str) -> PostgresAddress:
        """Read postgresql://[user[:password]@][host[:port][,...]][/database][?parameters], as libpq defines it. Raises
        UsageError, which quotes nothing."""
        _, slashes, rest = where.partition("://")
        credentials, at, rest = rest.rpartition("@")
        user, colon, password = (unquote(part) for part in credentials.partition(":"))
        place, _, parameters = rest.partition("?")
        hosts, _, database = place.partition("/")
        if not slashes or re.search("[/?#]", credentials) or not all(map(_HOST.fullmatch, hosts.split(","))):
            raise words_remote.no_postgres_address()
        quoted = quote(user, safe="") + (colon and ":" + quote(password, safe=""))
        # libpq quotes what it cannot read, so what it gets is spelt as it expects.
        options = "&".join(filter(None, (_DEFAULTS, parameters, _ALWAYS)))
        given = (parameter.partition("=") for parameter in parameters.split("&"))
        hidden = {password, *(unquote(value) for key, _, value in given if "password" in key.lower())} - {""}
        return cls(
            name=f"postgresql://{quote(user, safe='')}{at}{hosts}/{database}",
            uri=f"postgresql://{quoted}{at}{hosts}/{database}?{options}",
            secrets=frozenset(hidden | {quote(secret, safe="") for secret in hidden}),
        )

    def without_secrets(self, message: str) -> str | None:
        """A message of libpq's, or None if any of it might give away a password."""
        return None if "://" in message or any(secret in message for secret in self.secrets) else message
