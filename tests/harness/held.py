"""An optimizer that waits for its test, so that a suite is not done when it is disturbed."""

from pathlib import Path

_PLUGIN = """
import time
from pathlib import Path
from regretta import Optimizer

class Held(Optimizer):
    "Random search that waits for a file before its first proposal."
    name = "held"

    def setup(self):
        while not Path({door!r}).exists():
            time.sleep(0.01)

    def ask(self):
        return self.space.sample(self.rng, 1)[0]
"""


def held_suite(folder: Path, table: Path, runs: int) -> tuple[Path, Path]:
    """A suite of random search and of an optimizer whose runs wait, and the file they wait for."""
    door = folder / "door"
    (folder / "held.py").write_text(_PLUGIN.format(door=str(door)))
    suite = folder / "held.toml"
    suite.write_text(
        f'tables = ["{table}"]\nplugins = ["held.py"]\ntime_limit = 2e4\nruns = {runs}\n'
        '[[optimizers]]\nname = "random_search"\n[[optimizers]]\nname = "held"\n'
    )
    return suite, door
