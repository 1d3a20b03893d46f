"""What people read of tables that are elsewhere: in databases, in stores, on web servers."""

from __future__ import annotations

from pathlib import Path

from psi.tables.words import START_AGAIN
from psiselect.base.errors import InputError, OutputError, UsageError

# Databases.


def empty_query() -> UsageError:
    return UsageError("--query is empty; expected one SELECT", term="query")


def query_without_columns(name: str) -> InputError:
    return InputError(f"{name}: --query returns no columns; expected one SELECT", term="query")


COLUMNS_CHANGED = "the query's columns changed while it was in use; start again"
NO_ROWS = (
    "the database did not return the rows; look for the reason in its log, or run the query with the database's "
    "own client"
)


def of_database(name: str, what: str, term: str | None = None) -> InputError:
    return InputError(f"{name}: {what}", term=term)


def date_too_far(name: str, column: str) -> InputError:
    return InputError(
        f"{name}: column {column!r} holds a date that is infinite or too far off; select it as text, or leave such "
        "rows out"
    )


def no_driver(package: str) -> UsageError:
    return UsageError(f"databases need the package {package}. Install it: pip install 'psiselect[db]'", term="input")


def query_cancelled() -> InputError:
    return InputError("the query was cancelled, because this command is ending", term="input")


def no_postgres_address() -> UsageError:
    return UsageError(
        "postgresql: expected postgresql://USER@HOST:PORT/DATABASE; inside a name or a password write @ as %40, : as "
        "%3A, / as %2F, ? as %3F and # as %23"
    )


SQL_ASCII = (
    "a text is not UTF-8: the database has the encoding SQL_ASCII, which does not check its texts. "
    "Name the encoding in the query, such as convert_from(convert(convert_to(COLUMN, 'SQL_ASCII'), "
    "'WIN1252', 'UTF8'), 'SQL_ASCII')"
)


def no_sqlite_address() -> UsageError:
    return UsageError(
        "sqlite: expected sqlite:///FILE, or sqlite:////FILE when the path begins at the root; write ? as %3F"
    )


def bytes_and_numbers(name: str, column: str, quoted: str) -> InputError:
    return InputError(f"{name}: column {column!r} holds both bytes and numbers; select CAST({quoted} AS TEXT)")


def locked(seconds: int) -> str:
    return f"another program has locked the file for {seconds} s; try again when that program has ended"


def journal_left(name: str) -> str:
    return (
        f"a program ended while it wrote to the file, and left {name}-journal beside it. Open the file once as a user "
        "who may write to it and its folder, or copy both to a folder of your own and read it there"
    )


WAL = (
    "the file is in WAL mode, and reading it needs the right to write to its folder. Read a copy made with VACUUM "
    "INTO, or copy the file and its -wal to a folder of your own and read it there"
)


# Stores and web servers.

# How other programs call the stores that are read here.
_ALSO_CALLED = {
    "s3a": "s3://BUCKET/FILE",
    "s3n": "s3://BUCKET/FILE",
    "gcs": "gs://BUCKET/FILE",
    "az": "abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/FILE",
    "wasbs": "abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/FILE",
    "http": "https://HOST/FILE",
}


def is_told_apart(scheme: str) -> bool:
    """Whether no other way to write the address is proposed."""
    return scheme not in _ALSO_CALLED


def unknown_scheme(scheme: str) -> UsageError:
    if scheme in _ALSO_CALLED:
        return UsageError(f"{scheme}:// is not supported. Write {_ALSO_CALLED[scheme]}", term="input")
    return UsageError(
        f"{scheme}:// is not supported. Use s3://, gs://, abfs:// or https:// for files, and sqlite:///FILE or "
        "postgresql://... for databases. For a file elsewhere, send it to standard input (the table - and --format). "
        "For other stores, also see `pip install 'psiselect[stores]'`",
        term="input",
    )


def no_store_address(scheme: str, example: str) -> UsageError:
    return UsageError(f"{scheme}://...: expected {example}, with %2F for a slash in a key", term="input")


def no_object(name: str) -> InputError:
    return InputError(
        f"{name}: there is no such file in the cloud storage; check the address, and how its bucket and path are spelt",
        term="input",
    )


def not_given(name: str, why: str) -> InputError:
    return InputError(f"{name}: the cloud storage does not return the file{why}", term="input")


def not_understood(example: str) -> str:
    return f": the address is not understood; expected {example}"


def check_the_store(code: str, credentials: str) -> str:
    return f"{code}; check the address, the network and the login data (the program takes them from {credentials})"


def check_fsspec(kind: str) -> str:
    return (
        f" ({kind}). Check the address, the network and the login data (fsspec takes them from its configuration, or "
        "from the address)"
    )


def package_missing(scheme: str) -> str:
    return f": fsspec needs another package for {scheme}://. Install the one that its documentation names"


CREDENTIALS_OF_S3 = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from the profile in ~/.aws"
CREDENTIALS_OF_AZURE = "AZURE_CLIENT_ID and the other variables of Azure, or from `az login`"


def too_many_files(name: str, found: int, most: int) -> InputError:
    return InputError(
        f"{name}: has {found:,} files, and this process may open {most:,}; raise the limit with `ulimit -n`, or make "
        "fewer and larger files"
    )


def parts_changed(name: str) -> InputError:
    return InputError(f"{name}: changed while it was read; start again with files that stay as they are")


def object_changed(name: str) -> InputError:
    return InputError(f"{name}: changed while it was read; {START_AGAIN}")


def web_is_read_only(name: str) -> UsageError:
    return UsageError(f"{name}: the program cannot write to a web server; name a file, or an address in cloud storage")


def target_is_a_folder(name: str) -> UsageError:
    return UsageError(f"{name}: names a folder; name a file in it")


def no_bucket(name: str, bucket: str) -> OutputError:
    return OutputError(f"cannot write {name}: the bucket {bucket} does not exist; create it, or name another")


def no_store_folder(name: str, folder: str) -> OutputError:
    return OutputError(f"cannot write {name}: the folder {folder} does not exist there. Create it, or name another")


def kept_meanwhile(name: str, folder: Path) -> str:
    return f"{name}, kept in {folder} until it is complete"


def not_arrived(name: str) -> OutputError:
    return OutputError(f"cannot write {name}: it did not arrive complete; remove what arrived, and try again")


def not_written(what: object) -> OutputError:
    return OutputError(f"cannot write {what}")


def not_taken(name: str, why: str) -> OutputError:
    return not_written(f"{name}: the cloud storage does not accept the file{why}")


def web_folder(name: str) -> UsageError:
    return UsageError(f"{name}: a web server does not list its folders; name a file", term="input")


def password_in_address(name: str) -> UsageError:
    return UsageError(
        f"{name}: others could see a user or password in the address; put them into ~/.netrc", term="input"
    )


NO_ANSWER = "the server did not answer with the file"


def refused_by_server(name: str, what: str, code: int) -> InputError:
    return InputError(f"{name}: {what} (HTTP {code})", term="input")


def no_end(name: str) -> InputError:
    return InputError(
        f"{name}: the server does not say how long the file is, so the program could not see if it is cut "
        "short; fetch the file by other means",
        term="input",
    )


def no_netrc() -> InputError:
    return InputError(
        "the program cannot read ~/.netrc, or others may read it; run `chmod 600 ~/.netrc`, or move the file away"
    )


def sent_to_plain(name: str) -> InputError:
    return InputError(
        f"{name}: the server forwards to an address without encryption; name an https:// address that has the file",
        term="input",
    )


def not_fetched(name: str, why: str) -> InputError:
    return InputError(f"{name}: {why}", term="input")


def untrusted_server(said: str) -> str:
    return (
        f"the server's certificate is not trusted: {said}; name the file with the certificate of its "
        "authority in SSL_CERT_FILE"
    )


ENDED_EARLY = "ended before the file was complete; start again"


def link_failed(said: str | None) -> str:
    return f"cannot be fetched: {said or 'the link or the answer failed'}; check the address and the network"
