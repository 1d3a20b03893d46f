"""What people read from this room: every error and every note about identities, their certificates and their files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from psiselect.base.errors import InputError, OutputError, RemoteError, UsageError

_ASK = "Ask its owner for the .crt file that `psiselect identity create` wrote"

# Certificates.


def no_certificate(source: str, problem: str) -> InputError:
    return InputError(f"{source}: {problem}")


def not_an_identity(source: str) -> InputError:
    return no_certificate(source, f"this is not the certificate of a psiselect identity. {_ASK}")


VERSION_3 = f"this certificate has an old format (it is not X.509 version 3). {_ASK}"
AUTHORITY = f"this is the certificate of an authority (CA), which could let in parties that you do not know. {_ASK}"
MAY_NOT_SIGN = f"this certificate does not allow its key to sign. {_ASK}"
OF_ANOTHER = f"this certificate was issued by another party, but it must be issued by its owner. {_ASK}"


def unknown_extension(oid: str) -> str:
    return f"this certificate has an extension that this program does not know ({oid}). {_ASK}"


def not_pem(source: str) -> InputError:
    return InputError(
        f"{source}: this is not a certificate in text form (PEM). Name the .crt file that `psiselect identity create` "
        "wrote"
    )


def several(source: str, count: int) -> InputError:
    return InputError(
        f"{source}: this file has {count} certificates, but must have only one. Name the .crt file that "
        "`psiselect identity create` wrote"
    )


def expired(name: str, when: datetime) -> InputError:
    return InputError(
        f"the certificate of {name} expired on {_date(when)}. The owner must create a new "
        "identity and send the new certificate to the other parties"
    )


def not_valid_yet(name: str, when: datetime) -> InputError:
    return InputError(f"the certificate of {name} is not valid before {_date(when)}. Check the clocks of both machines")


def not_signed(name: str) -> RemoteError:
    return RemoteError(
        f"the signature of {name!r} on the received data is not valid: {name!r} did not sign this data, or somebody "
        f"has changed it on the way. Ask {name!r} which program and version they run"
    )


# Identities and their files.


def never_copied() -> UsageError:
    return UsageError(
        "a program cannot copy an Identity, or send it to another process (pickle), because an Identity holds private "
        "keys. Pass on the path of the identity, and call Identity.load with this path where the identity is needed"
    )


def no_path(given: object) -> UsageError:
    return UsageError(
        f"an identity must be given as a path, such as 'keys/NAME', but the type of this one is {type(given).__name__}"
    )


def bad_name(name: object) -> UsageError:
    return UsageError(
        f"{name!r} cannot be the name of an identity. Use 1 to 63 ASCII letters, digits, '.', '_' or '-'. The name "
        "must begin with a letter or digit, and must not end in .key or .crt"
    )


def bad_days(days: int, most: int) -> UsageError:
    return UsageError(f"--days must be from 1 to {most:,}, but is {days}")


def already_there(prefix: Path) -> UsageError:
    return UsageError(
        f"'{prefix}.key' or '{prefix}.crt' exists already, and the program never overwrites an identity. Choose "
        "another name, or remove both files if no peer relies on them"
    )


def not_written(prefix: Path, reason: str | None) -> OutputError:
    return OutputError(
        f"cannot write '{prefix}.key' and '{prefix}.crt': {reason}. Choose a folder that you can write to"
    )


def other_keys(key_path: Path, certificate_path: Path) -> InputError:
    return InputError(
        f"{key_path}: this private key does not belong to the certificate '{certificate_path}'. Use the two files "
        "that one run of `psiselect identity create` wrote"
    )


def no_keys(path: Path) -> InputError:
    return InputError(
        f"{path}: this is not the private key of an identity. Name the .key file that `psiselect identity create` wrote"
    )


def open_to_others(path: Path | str, mode: int) -> str:
    what = "read" if mode & 0o044 else "change" if mode & 0o022 else "run"
    return f"{path}: other users of this computer can {what} this private key (mode {mode:04o})"


def mounted(told: str) -> str:
    return (
        f"{told}. The program uses the key all the same, because the file is mounted read-only. It is safer to "
        "mount the file with mode 0400 or 0440"
    )


def of_root(told: str, group: int) -> str:
    return (
        f"{told}. The program uses the key all the same, because the file belongs to root. Make sure that no other "
        f"account is in group {group}"
    )


def close_it(told: str, path: Path | str) -> InputError:
    return InputError(f"{told}. Run `chmod 600 {path}`. If somebody may have read the key, create a new identity")


def copy_it(told: str) -> InputError:
    return InputError(
        f"{told}, and only the owner of the file can change that. Copy the .key file and its .crt file to a folder of "
        "your own, run `chmod 600` on your copy of the .key file, and use the copies. If somebody may have read the "
        "key, create a new identity"
    )


def unreadable_folder(folder: Path, reason: str | None) -> InputError:
    return InputError(f"cannot read the folder '{folder}': {reason}")


def not_one_key(folder: Path, count: int) -> InputError:
    if not count:
        return InputError(
            f"{folder}: this folder has no file that ends in .key. Name the folder of an identity, or {folder}/NAME if "
            "its files are NAME.key and NAME.crt"
        )
    return InputError(
        f"{folder}: this folder has {count} files that end in .key, so the program does not know which identity to "
        f"use. Name one of them, without .key: write {folder}/NAME for the files NAME.key and NAME.crt"
    )


def unreadable(what: str, path: Path | str, reason: str | None) -> InputError:
    return InputError(f"cannot read {what} '{path}': {reason}")


def too_large(what: str, path: Path | str) -> InputError:
    return InputError(f"'{path}' is too large to be {what}. Name a file that `psiselect identity create` wrote")


def _date(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
