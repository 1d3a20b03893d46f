"""What the tests of the advisor share: a machine of known speed, and the tasks of the examples."""

from __future__ import annotations

from typing import Any

from cli.advisor import examples
from cli.advisor.costs import Machine
from psi.session.cost import Calibration
from psi.session.fast_cost import FastCalibration

MACHINE = Machine(
    lambda: Calibration("test", 2, 2e-5, 1e-6, 1e-6), lambda: FastCalibration("test", 2, 0.02, 1e-6, 2e-6, 3e-6, 4e-6)
)


def known(name: str) -> dict[str, Any]:
    """The fields of an example that have a value."""
    return {field: value for field, value in examples.find(name)["fields"].items() if value is not None}
