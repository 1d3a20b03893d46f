"""`functools.cached_property` without its lock, which takes a third of its time before Python 3.12: the advisor asks
thousands of such properties to answer one task, each object in one thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

Value = TypeVar("Value")


class lazy(Generic[Value]):  # noqa: N801 - used like the one of functools
    """A property that is computed when first asked for, and then is a plain attribute."""

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self._compute = compute
        self.name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...

    def __get__(self, instance: object | None, owner: type) -> Self | Value:
        if instance is None:
            return self
        value = instance.__dict__[self.name] = self._compute(instance)
        return value
