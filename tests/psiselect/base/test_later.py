"""Modules that are loaded when something of them is used."""

from __future__ import annotations

import sys

import pytest

from psiselect.base import later


def test_a_module_is_loaded_at_the_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    found = later.Module("colorsys")
    assert "colorsys" not in sys.modules
    assert found.rgb_to_hsv(0.0, 0.0, 1.0) == (2 / 3, 1.0, 1.0)
    assert found.rgb_to_hsv is sys.modules["colorsys"].rgb_to_hsv
    with pytest.raises(AttributeError):
        _ = found.no_such_name


def test_a_module_inside_of_a_package_is_that_module() -> None:
    assert later.Module("xml.etree.ElementTree").fromstring("<a/>").tag == "a"


def test_a_module_that_is_not_there_is_missed_at_the_first_use() -> None:
    found = later.Module("psiselect.base.no_such_module")
    with pytest.raises(ModuleNotFoundError):
        _ = found.anything
