"""`--config`: the options of a listener that keeps running, in a TOML file, under the same names (docs/serving.md)."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from cli.psi import words
from psiselect.base import toml_file
from psiselect.matching.choices import PeerChoice

_NOT_IN_A_FILE = frozenset(("config", "check", "help"))


def _take(ctx: click.Context, _param: click.Parameter, path: Path | None) -> Path | None:
    """Make the file's values the defaults of this command, so that the command line wins."""
    if path is not None:
        ctx.default_map = values_of(ctx, path)
    return path


OPTION = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    is_eager=True,  # before the options whose defaults it gives
    callback=_take,
    metavar="FILE",
    help="With --serve: read options from this TOML file. Write them without the dashes in front: max-sessions = 4. "
    "Write a repeated option as a list. The command line wins over the file.",
)


def values_of(ctx: click.Context, path: Path) -> dict[str, Any]:
    """The values in a file, checked, by the names of click's parameters.

    Raises InputError when it cannot be read or is not TOML; UsageError for a key that is no option of the command, and
    for a value that the option does not take. Both name file and key.
    """
    options = _options(ctx.command)
    found = {}
    for key, value in toml_file.load(path, "configuration").items():
        option = options.get(key)
        if option is None or option.name is None:
            near = difflib.get_close_matches(key, options, 1)
            raise words.no_such_option(path, key, ctx.info_name, near[0] if near else None)
        found[option.name] = _checked(ctx, path, key, option, value)
    return found


def certificates(ctx: click.Context, path: Path | None, chosen: PeerChoice) -> Callable[[], PeerChoice]:
    """The files of identities and peers as they are to be read when certificates are renewed: as the file names them
    then, unless the command line names them. Raises (when asked) as `values_of`."""
    from_file = {
        name for name in ("identities", "peers") if ctx.get_parameter_source(name) is ParameterSource.DEFAULT_MAP
    }

    def now() -> PeerChoice:
        if path is None or not from_file:
            return chosen
        values = values_of(ctx, path)
        for name in from_file:
            if not values.get(name):
                raise words.no_certificate_any_more(path, _KEYS[name])
        identities = values["identities"] if "identities" in from_file else chosen.identities
        peers = values["peers"] if "peers" in from_file else chosen.certificates
        return replace(chosen, identities=tuple(identities), certificates=tuple(peers))

    return now


_KEYS = {"identities": "identity", "peers": "peer"}


def _options(command: click.Command) -> dict[str, click.Option]:
    """By name as in a file."""
    options = [param for param in command.params if isinstance(param, click.Option)]
    named = {name.removeprefix("--"): option for option in options for name in option.opts if name.startswith("--")}
    return {name: option for name, option in named.items() if name not in _NOT_IN_A_FILE}


def _checked(ctx: click.Context, path: Path, key: str, option: click.Option, value: Any) -> Any:
    """The value as the command gets it from the command line. Raises UsageError."""
    single = [value]
    if option.multiple:
        single = value if isinstance(value, list) else [value]
        expected = words.TEXTS
    else:
        expected = words.TRUE_OR_FALSE if option.is_flag else words.TEXT_OR_NUMBER
    right = (bool,) if option.is_flag else (str, int, float)
    if not single or not all(isinstance(one, right) and isinstance(one, bool) is option.is_flag for one in single):
        raise words.wrong_kind(path, key, expected)
    given = value if option.is_flag else [str(one) for one in single] if option.multiple else str(value)
    try:
        return option.type_cast_value(ctx, given)
    except click.BadParameter as error:
        raise words.value_refused(path, key, error.message) from None
