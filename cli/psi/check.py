"""`psiselect psi check`: what a session would make of a list, without a peer."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from cli._errors import ToldError, as_record
from cli._output import print_fields, print_json, print_line, print_table, printable, to_stdout
from cli._table import TableName
from cli.psi import words
from cli.psi.help_groups import CheckCommand
from cli.psi.options import check_options
from psi.agreement import words as agreement_words
from psi.agreement.terms import MAX_KEYS
from psi.inputs.checking import EXAMPLES, Checked, CheckedKey, Example, check
from psi.inputs.items import Frequent, no_key
from psi.normalize import parse_key
from psi.tables import ReadingOptions
from psiselect.matching.choices import memory
from psiselect.tables import Table

_ROWS_TOLD = 10  # of those that have one fault or one key; --json has 20


@click.command("check", cls=CheckCommand)
@click.argument("where", metavar="FILE", type=TableName())
@check_options
@click.option(
    "--show",
    is_flag=True,
    help=f"Show for each --key how the rule changes the values of up to {EXAMPLES} rows. This does not work if you "
    "write the output into a file, because the values are private.",
)
def check_list(
    where: Path | str,
    query: str | None,
    said: ReadingOptions,
    keys: tuple[str, ...],
    nulls: tuple[str, ...],
    memory_limit: int | None,
    workdir: Path | None,
    show: bool,
    as_json: bool,
) -> None:
    """Check your own list: which rows can match, which cannot, and why.

    The command counts rows and keys (the values to compare) as `psi listen` and `psi connect` do. It needs no other
    company, and sends nothing. To read standard input, write - as FILE. With --query, FILE is a database.

    The command also shows a short code, the digest, for the rule of each --key. The rule says which spellings count as
    equal. If both companies use the same rule, both see the same digest. Compare the first eight digits by telephone;
    `psi listen` and `psi connect` later compare all digits.

    \b
    Examples:
      psiselect psi check customers.csv --key email:email
      psiselect psi check customers.csv --key email:email --key phone:phone,region=PL --json
      psiselect psi check contacts.xlsx --sheet 2 --key mail:email --null NULL --show
    """
    _require_eyes(show, as_json)
    specs = tuple(map(parse_key, keys))
    if len(specs) > MAX_KEYS:
        raise agreement_words.number_of_keys(len(specs), MAX_KEYS)
    room = memory(memory_limit, workdir)
    source = Table(where, query, said).open(room.folder)
    found = check(
        source,
        specs,
        nulls=nulls,
        folder=room.folder,
        memory_limit=room.half,
        examples=EXAMPLES if show else 0,
    )
    error = None if found.rows_with_key else no_key(source, specs, [key.advice for key in found.keys])
    if as_json:
        print_json({**found.to_dict(), **({} if error is None else {"error": as_record(error)})})
    else:
        _print(found)
    if error is not None:
        raise ToldError(str(error)) if as_json else error


def _require_eyes(show: bool, as_json: bool) -> None:
    """Raises UsageError unless examples, if they are asked for, go to a terminal."""
    if show and as_json:
        raise words.shown_as_json()
    if show and not sys.stdout.isatty():
        raise words.shown_to_a_file()


def _print(found: Checked) -> None:
    several = len(found.keys) > 1
    with to_stdout():
        for number, key in enumerate(found.keys, start=1):
            if key.advice is not None:
                print_line(printable(words.advice_for_key(number, key.advice) if several else key.advice))
    without = found.rows - found.rows_with_key
    print_fields({"list": found.name, "rows": words.rows_without_key(found.rows, without, several=several)})
    for number, key in enumerate(found.keys, start=1):
        with to_stdout():
            print_line()
        print_fields(dict(_fields(key, f"key {number}" if several else "key")))
        if key.examples:
            _print_examples(key)


def _fields(key: CheckedKey, name: str) -> Iterator[tuple[str, str]]:
    report = key.report
    yield name, "+".join(key.key.columns)
    yield "rule", key.key.describe()
    yield "digest", key.digest
    yield "distinct keys", f"{report.distinct:,}"
    yield "duplicates", f"{report.duplicates:,}"
    yield "blank", f"{report.blank:,}"
    yield "unreadable", f"{sum(report.unreadable.values()):,}"
    for reason, count in sorted(report.unreadable.items(), key=lambda item: (-item[1], item[0])):
        yield f"  {reason}", _with_rows(count, report.first_unreadable[reason])
    if key.most_frequent:
        yield "most frequent keys", words.repeated_keys(len(key.most_frequent))
    for place, frequent in enumerate(key.most_frequent, start=1):
        yield f"  {place}", _with_rows(frequent.rows, frequent.first) + _suspicion(frequent, report.frequent)


def _with_rows(count: int, first: Sequence[int]) -> str:
    """How many rows, and the numbers of the first of them."""
    told = first[:_ROWS_TOLD]
    unit = "row" if count == 1 else "rows"
    return f"{count:,} {unit}: {', '.join(map(str, told))}" + (", ..." if count > len(told) else "")


def _suspicion(key: Frequent, suspicious: Sequence[Frequent]) -> str:
    return words.PLACEHOLDER if key in suspicious else ""


def _print_examples(key: CheckedKey) -> None:
    columns = [f"{name} (before)" for name in key.key.columns]
    after = [f"{part.column} (after)" for part in key.key.parts]
    print_table(("row", *columns, *after), [_cells(each, len(after)) for each in key.examples])


def _cells(example: Example, parts: int) -> tuple[object, ...]:
    """A row before and after; in place of a key that is missing, why."""
    if isinstance(example.after, tuple):
        after = example.after
    else:
        why = words.BLANK if example.after is None else f"({example.after})"
        after = (why, *("",) * (parts - 1))
    return (example.row, *example.before, *after)
