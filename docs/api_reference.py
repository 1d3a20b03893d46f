"""docs/api.md: every public name of `psiselect`, with its signature and its docstring."""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
from collections.abc import Iterator
from typing import Any

import psiselect
from psiselect.base.errors import PsiselectError

_HEAD = """# Python reference

Generated from the signatures and docstrings of `psiselect` by `make docs`; do not edit.
[python.md](python.md), [python-votes.md](python-votes.md), [python-numbers.md](python-numbers.md) and
[python-advice.md](python-advice.md) show how these are used."""


def render() -> str:
    """The page: functions, then what they return, then errors."""
    public = {name: getattr(psiselect, name) for name in psiselect.__all__ if not name.startswith("_")}
    kinds: dict[str, list[str]] = {"Functions": [], "Classes": [], "Errors": []}
    for name, found in public.items():
        if isinstance(found, types.ModuleType):
            kinds["Functions"] += [f"{name}.{inner}" for inner in found.__all__]
        elif inspect.isclass(found):
            kinds["Errors" if issubclass(found, PsiselectError) else "Classes"].append(name)
        else:
            kinds["Functions"].append(name)
    parts = [_HEAD]
    for title, names in kinds.items():
        parts.append(f"## {title}")
        module = ""
        for name in sorted(names):
            before, dot, _ = name.partition(".")
            if dot and before != module:
                module = before
                parts += [f"### {module}", _text(inspect.getdoc(public[module]))]
            parts += _entry(name, public)
    return "\n\n".join(parts) + "\n"


def _entry(name: str, public: dict[str, Any]) -> Iterator[str]:
    module, _, inner = name.partition(".")
    found = getattr(public[module], inner) if inner else public[module]
    yield f"### {name}"
    if inspect.isclass(found):
        if issubclass(found, PsiselectError):
            yield _text(f"exit code {found.exit_code}\n\n{inspect.getdoc(found)}")
            return
        yield _text(inspect.getdoc(found))
        members = list(_members(found))
        if members:
            yield "\n".join(members)
        return
    yield f"```python\n{_signature(name, found)}\n```"
    yield _text(inspect.getdoc(found))


def _members(kind: type) -> Iterator[str]:
    """What a class offers, a line each: own and inherited."""
    fields = {field.name for field in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else set()
    for name in sorted({*dir(kind), *fields}):
        if name.startswith("_") or (name in fields and not isinstance(getattr(kind, name, None), property)):
            continue
        member = inspect.getattr_static(kind, name)
        told = (inspect.getdoc(getattr(kind, name)) or "").partition("\n\n")[0].replace("\n", " ")
        if isinstance(member, property):
            yield f"- `{name}`: {told}"
        elif isinstance(member, classmethod | staticmethod | types.FunctionType):
            yield f"- `{name}{_parameters(getattr(kind, name))}`: {told}"


def _signature(name: str, found: Any) -> str:
    """One argument a line."""
    signature = inspect.signature(found)
    lines = [f"{name}("]
    keywords = False
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not keywords:
            lines.append("    *,")
            keywords = True
        lines.append(f"    {_plain(str(parameter))},")
    return "\n".join([*lines, f") -> {_plain(str(signature.return_annotation))}"])


def _plain(text: str) -> str:
    """Annotations that are strings, without their quotes."""
    return re.sub(r"(?<=: )'([^']*)'", r"\1", text)


def _parameters(found: Any) -> str:
    signature = inspect.signature(found)
    kept = [parameter.name for parameter in signature.parameters.values() if parameter.name != "self"]
    return f"({', '.join(kept)})"


def _text(docstring: str | None) -> str:
    return f"```text\n{(docstring or '').rstrip()}\n```"
