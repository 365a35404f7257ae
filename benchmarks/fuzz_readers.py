"""Does any reader of files fail otherwise than by one line? Fuzzing guided by coverage.

``python benchmarks/fuzz_readers.py TARGET [--seconds N] [--corpus FOLDER] [libFuzzer's options]``

Needs ``atheris``, which is no dependency: install it into an environment of its own, and run this
from the repository with Regretta's packages on ``PYTHONPATH``. Targets stand in ``tests/fuzz.py``.
A finding ends the run, with the input in a file beside; inputs that reach new code are kept in the
corpus, so that the next run goes on from there.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))
with atheris.instrument_imports(include=["regretta", "tomllib", "json"]):
    from tests.fuzz import TARGETS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path)
    asked, rest = parser.parse_known_args()
    memory = Path("/dev/shm")
    scratch = Path(tempfile.mkdtemp(prefix="fuzz", dir=memory if memory.is_dir() else None))
    corpus = asked.corpus or scratch / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    seeds, one = TARGETS[asked.target](scratch)
    for number, seed in enumerate(seeds):
        (corpus / f"seed{number}").write_bytes(seed)
    options = [
        f"-max_total_time={asked.seconds}",
        "-rss_limit_mb=600",
        "-timeout=30",
        "-len_control=0",
        "-max_len=20000",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, *rest, str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
