"""One city of 2,000 families and its registers for all tests here."""

from __future__ import annotations

from pathlib import Path

import pytest

from ruxue.simulation import registers
from ruxue.simulation.city import generate
from ruxue.simulation.model import City


@pytest.fixture(scope="session")
def city() -> City:
    return generate(2000, 41)


@pytest.fixture(scope="session")
def db(city: City, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("registers") / "departments.db"
    registers.build(city, path)
    return path
