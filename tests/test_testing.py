"""The conformance suite says in words what an optimizer does wrong, where, and what to do."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

START = """
import random
import numpy as np
from dataclasses import dataclass
from regretta import Optimizer, Proposal

class Mine(Optimizer):
    "A search with a fault."
    name = "mine"
    count = 0
"""

TEST = """
from regretta.testing import OptimizerConformance
from mine import Mine

class TestMine(OptimizerConformance):
    optimizer = Mine
    evaluations = 30
    spaces = ("nasbench201",)
"""

GOOD = """
    def ask(self):
        return self.space.sample(self.rng, 1)[0]
"""

FAULTS = {
    "raises": (
        """
    def ask(self):
        return self.choices[0]
""",
        "proposes_configurations",
        "ask raises nothing",
        "it raised AttributeError: 'Mine' object has no attribute 'choices'",
        "return self.choices[0]",
        "mend that line",
    ),
    "another budget": (
        """
    def ask(self):
        return Proposal(self.space.sample(self.rng, 1), 200.0)
""",
        "proposes_configurations",
        "a proposal has one of the offered budgets, 108.0",
        "it proposed the budget 200.0",
        "def ask(self):",
        "take one of self.budgets",
    ),
    "no configuration": (
        """
    def ask(self):
        return [9] * self.space.dim
""",
        "proposes_configurations",
        "ask proposes configurations of the space nasbench201: a vector of 6 numbers",
        "it proposed [9, 9, 9, 9, 9, 9]: ",
        "def ask(self):",
        "self.space.sample",
    ),
    "ends at once": (
        """
    def ask(self):
        return None
""",
        "proposes_configurations",
        "it proposes something on nasbench201",
        "its first ask returned None",
        "def ask(self):",
        "SettingsError",
    ),
    "a generator of its own": (
        """
    def ask(self):
        return self.space.sample(np.random.default_rng(), 1)[0]
""",
        "a_seed_fixes",
        "all its chance comes from self.rng",
        "with one seed, proposal 0 was ",
        "def ask(self):",
        "draw from self.rng only",
    ),
    "a global generator": (
        """
    def ask(self):
        random.random()
        return self.space.sample(self.rng, 1)[0]
""",
        "leaves_the_global",
        "the global generators of NumPy and Python stay as they are",
        "it drew from one of them, or seeded it",
        "def ask(self):",
        "use self.rng in place of",
    ),
    "prints": (
        """
    def ask(self):
        print("step")
        return self.space.sample(self.rng, 1)[0]
""",
        "writes_and_prints",
        "a run prints nothing",
        "it printed 'step",
        "def ask(self):",
        "self.log(",
    ),
    "counts proposals as results": (
        """
    parallel = True
    def setup(self):
        self.told = 0
    def ask(self):
        drawn = self.space.sample(self.rng, 4)
        return drawn if self.told % 2 else drawn[:2]
    def tell(self, observation):
        self.told += 1
""",
        "in_parts",
        "a proposal's results may come in parts",
        "told in parts, proposal 1 was",
        "def tell(self, observation):",
        "parallel = False",
    ),
    "settings that change": (
        """
    @dataclass
    class Settings:
        size: int = 3
"""
        + GOOD,
        "frozen_settings",
        "its settings are a frozen dataclass",
        "Settings is not frozen",
        "@dataclass",
        "@dataclass(frozen=True)",
    ),
    "takes any setting": (
        """
    @dataclass(frozen=True)
    class Settings:
        size: int = 3
    @classmethod
    def make_settings(cls, preset=None, values=None):
        return cls.Settings()
"""
        + GOOD,
        "unknown_setting",
        "a setting that it does not have is refused with a SettingsError",
        "of no_such_setting = 1 it took it",
        "@dataclass(frozen=True)",
        "leave make_settings as it is inherited",
    ),
}


def lines_of(folder: Path, fault: str, test: str = "") -> tuple[str, str]:
    """What a run of the tests prints, and the plugin's source."""
    source = START + fault
    (folder / "mine.py").write_text(source)
    (folder / "test_mine.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"]
    done = subprocess.run(
        [*command, *(["-k", test] if test else [])],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout, source


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failure_says_what_is_expected_what_was_done_where_and_how_to_mend_it(
    fault: str, tmp_path: Path
) -> None:
    body, test, expected, found, line, mend = FAULTS[fault]
    told, source = lines_of(tmp_path, body, test)
    message = re.search(
        r"^mine: (.*)\n  but: (.*)\n  where: (.*)\n  mend: (.*)$", told, re.MULTILINE
    )
    assert message, told
    assert expected in message[1]
    assert found in message[2]
    number = source.split("\n").index(next(x for x in source.split("\n") if line in x)) + 1
    assert message[3].startswith(f"{tmp_path / 'mine.py'}:{number}, ")
    assert mend in message[4]
    assert "Traceback" not in told


def test_an_optimizer_without_fault_passes(tmp_path: Path) -> None:
    told, _ = lines_of(tmp_path, GOOD)
    assert " passed" in told
    assert "failed" not in told
