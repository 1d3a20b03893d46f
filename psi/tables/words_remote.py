"""What people read of tables that are elsewhere: in databases, in stores, on web servers."""

from __future__ import annotations

from pathlib import Path

from psi.tables.words import START_AGAIN
from psiselect.base.errors import InputError, OutputError, UsageError

# Databases.


def empty_query() -> UsageError:
    return UsageError("--query is empty. Write one SELECT statement", term="query")


def query_without_columns(name: str) -> InputError:
    return InputError(f"{name}: --query returns no columns. Write one SELECT statement", term="query")


COLUMNS_CHANGED = "the columns of the query changed while the program read them. Start again"
NO_ROWS = (
    "the database did not return the rows. Look for the reason in its log, or run the query with the database's "
    "own client"
)


def reported(said: str | None) -> str | None:
    """said: in the words of the database; None or empty when it said nothing that people may see."""
    return f"the database reports: {said}" if said else None


def not_connected(said: str | None) -> str | None:
    return f"the program cannot connect to the database ({said})" if said else None


def of_database(name: str, what: str, term: str | None = None) -> InputError:
    return InputError(f"{name}: {what}", term=term)


def date_too_far(name: str, column: str) -> InputError:
    return InputError(
        f"{name}: column {column!r} has a date that is 'infinity', or too far in the past or the future. In the query, "
        "select the column as text, or leave such rows out"
    )


def no_driver(package: str) -> UsageError:
    return UsageError(f"databases need the package {package}. Install it: pip install 'psiselect[db]'", term="input")


def query_cancelled() -> InputError:
    return InputError("`psiselect psi serve` is stopping, so it cancelled the query in the database", term="input")


def no_postgres_address() -> UsageError:
    return UsageError(
        "the address of a PostgreSQL database must have the form postgresql://USER@HOST:PORT/DATABASE. Inside a name "
        "or a password write @ as %40, : as %3A, / as %2F, ? as %3F and # as %23"
    )


SQL_ASCII = (
    "a text is not UTF-8. The database has the encoding SQL_ASCII, so it does not check how its texts are encoded. "
    "Name the encoding in the query, such as convert_from(convert(convert_to(COLUMN, 'SQL_ASCII'), "
    "'WIN1252', 'UTF8'), 'SQL_ASCII')"
)


def no_sqlite_address() -> UsageError:
    return UsageError(
        "the address of an SQLite database must have the form sqlite:///FILE, or sqlite:////FILE when the path begins "
        "at the root. Write ? as %3F"
    )


def bytes_and_numbers(name: str, column: str, quoted: str) -> InputError:
    return InputError(f"{name}: column {column!r} has both bytes and numbers. In the query, use CAST({quoted} AS TEXT)")


def locked(seconds: int) -> str:
    return f"another program has locked the file for {seconds} s. Try again when that program has ended"


def journal_left(name: str) -> str:
    return (
        f"a program ended while it wrote to the file, and left the file '{name}-journal' in the same folder. Open the "
        "database once as a user who may write to that folder. Or copy both files to a folder of your own, and name "
        "the copy"
    )


WAL = (
    "the program can read this database only if it may write to the database's folder, because the database is in WAL "
    "mode. Name a copy that was made with VACUUM INTO. Or copy the file and its -wal file to a folder of your own, "
    "and name that copy"
)


# Stores and web servers.

# What to write in place of names that other programs use.
ALSO_CALLED = {
    "s3a": "s3://BUCKET/FILE",
    "s3n": "s3://BUCKET/FILE",
    "gcs": "gs://BUCKET/FILE",
    "az": "abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/FILE",
    "wasbs": "abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/FILE",
    "http": "https://HOST/FILE",
    "file": "the path of the file, such as /FOLDER/FILE",
}


def unknown_scheme(scheme: str) -> UsageError:
    if scheme in ALSO_CALLED:
        return UsageError(f"{scheme}:// is not supported. Write {ALSO_CALLED[scheme]}", term="input")
    return UsageError(
        f"{scheme}:// is not supported. Use s3://, gs://, abfs:// or https:// for files, and sqlite:///FILE or "
        "postgresql://... for databases. For a file in another place, write '-' in place of the table's name, add "
        "--format, and send the file to standard input. To use more kinds of cloud storage, such as hdfs:// and "
        "smb://, run `pip install 'psiselect[stores]'`",
        term="input",
    )


def no_store_address(scheme: str, example: str) -> UsageError:
    return UsageError(
        f"{scheme}://...: the address must have the form {example}. If there is login data before an @, write each "
        "slash in the login data as %2F",
        term="input",
    )


def no_object(name: str) -> InputError:
    return InputError(
        f"{name}: there is no such file in the cloud storage. Check the spelling of the address",
        term="input",
    )


def not_given(name: str, why: str) -> InputError:
    return InputError(f"{name}: the program did not get the file from the cloud storage{why}", term="input")


def not_understood(example: str) -> str:
    return f": the program does not understand the address. Its form must be {example}"


def check_the_store(code: str, credentials: str) -> str:
    return f"{code}. Check the address, the network and the login data (the program takes them from {credentials})"


def check_fsspec(kind: str) -> str:
    return (
        f" ({kind}). Check the address, the network and the login data (the library fsspec takes them from its "
        "configuration, or from the address)"
    )


def package_missing(scheme: str) -> str:
    return (
        f", because the program needs one more Python package for {scheme}:// addresses. The documentation of fsspec, "
        "the library for such addresses, names this package. Install it"
    )


CREDENTIALS_OF_S3 = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from the profile in ~/.aws"
CREDENTIALS_OF_AZURE = "AZURE_CLIENT_ID and the other variables of Azure, or from `az login`"


def too_many_files(name: str, found: int, most: int) -> InputError:
    return InputError(
        f"{name}: this folder has {found:,} files, but the program may open only {most:,}. Raise the limit with "
        "`ulimit -n NUMBER`, or make fewer and larger files"
    )


def parts_changed(name: str) -> InputError:
    return InputError(
        f"{name}: the files changed while the program read them. Start again, and make sure that nobody changes the "
        "files meanwhile"
    )


def object_changed(name: str) -> InputError:
    return InputError(f"{name}: the file changed while the program read it. {START_AGAIN}")


def web_is_read_only(name: str) -> UsageError:
    return UsageError(f"{name}: the program cannot write to a web server. Name a file, or an address in cloud storage")


def target_is_a_folder(name: str) -> UsageError:
    return UsageError(f"{name}: this is a folder. Name a file in it")


def no_bucket(name: str, bucket: str) -> OutputError:
    return OutputError(
        f"cannot write '{name}': the bucket '{bucket}' does not exist", "Create the bucket, or name another one"
    )


def no_store_folder(name: str, folder: str) -> OutputError:
    return OutputError(
        f"cannot write '{name}': the folder '{folder}' does not exist there", "Create the folder, or name another one"
    )


def kept_meanwhile(name: str, folder: Path) -> str:
    """What stands between the quotes of "cannot write '...'"."""
    return f"{name}' through the local folder '{folder}"


def not_arrived(name: str) -> OutputError:
    return OutputError(
        f"cannot write '{name}': the file did not arrive complete", "Delete the incomplete file there, and try again"
    )


def not_written(what: object) -> OutputError:
    return OutputError(f"cannot write {what}")


def not_taken(name: str, why: str) -> OutputError:
    return not_written(f"{name}: the cloud storage did not accept the file{why}")


def web_folder(name: str) -> UsageError:
    return UsageError(
        f"{name}: this is a folder, and a web server does not list the files in a folder. Name a file", term="input"
    )


def password_in_address(name: str) -> UsageError:
    return UsageError(
        f"{name}: others could see the user name and the password in this address. Remove both from the address, and "
        "put them into the file ~/.netrc",
        term="input",
    )


NO_ANSWER = "the server did not send the file"


def refused_by_server(name: str, what: str, code: int) -> InputError:
    return InputError(f"{name}: {what} (HTTP {code})", term="input")


def no_end(name: str) -> InputError:
    return InputError(
        f"{name}: the server does not say how long the file is, so the program could not see whether the file "
        "is complete. Download the file with another program",
        term="input",
    )


def no_netrc() -> InputError:
    return InputError(
        "the program cannot read the file ~/.netrc, or other users can read it. Run `chmod 600 ~/.netrc`, or move the "
        "file to another place"
    )


def sent_to_plain(name: str) -> InputError:
    return InputError(
        f"{name}: the server redirects to an address without encryption (http://). Give the https:// address of the "
        "file itself",
        term="input",
    )


def not_fetched(name: str, why: str) -> InputError:
    return InputError(f"{name}: {why}", term="input")


def untrusted_server(said: str) -> str:
    return (
        f"this machine does not trust the server's certificate ({said}). Check the address. If the address is right, "
        "ask the server's administrator for the file with the server's CA certificate. Then run "
        "`export SSL_CERT_FILE=FILE` with the name of this file"
    )


ENDED_EARLY = "the transfer ended before the file was complete. Start again"


def link_failed(said: str | None) -> str:
    return f"the program cannot fetch this file: {said or 'the connection failed'}. Check the address and the network"
