"""docs/query.md, followed word by word."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "query.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)

PUBLISHED = {
    # HPOBench's table of incumbents (hpobench/benchmarks/nas/nasbench_201.py): best means, and
    # best single trainings, of CIFAR-10, CIFAR-100 and ImageNet16-120
    (6111, 0): "91.61",
    (6111, 3): "91.72",
    (9930, 1): "73.49",
    (10676, 2): "46.73",
    (13714, 4): "73.72",
    (13778, 5): "47.40",
    # Dong and Yang 2020, Table 5: optimum of ImageNet16-120, ResNet, DARTS-V1
    (10676, 5): "46.77",
    (11472, 5): "44.53",
    (1835, 0): "39.77",
    (1835, 1): "15.03",
    (1835, 2): "16.43",
}
"""(index, column of what is printed after it) → the published number."""


def run(program: str, where: Path) -> list[str]:
    (where / "program.py").write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=where, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_ten_architectures_have_their_published_numbers(tmp_path: Path) -> None:
    (program,) = [program for program in PROGRAMS if "resnet" in program]
    lines = [line.split() for line in run(program, tmp_path)]
    told = {int(index): values for index, *values in lines}
    assert list(told) == [6111, 9930, 10676, 13714, 13778, 11472, 1835, 0, 9, 123]
    for (index, column), number in PUBLISHED.items():
        assert told[index][column] == number
    for index, values in told.items():
        assert f"| {index} | {', '.join(values[:3])} | {', '.join(values[3:])} |" in PAGE


@pytest.mark.parametrize("start", ['table = open_table("nb201', 'table = open_table("digits101"'])
def test_the_other_programs_run(start: str, tmp_path: Path) -> None:
    (program,) = [program for program in PROGRAMS if start in program]
    assert run(program, tmp_path)
