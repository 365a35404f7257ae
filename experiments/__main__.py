"""``python -m experiments`` is ``regretta``."""

import sys

from experiments.cli import main

sys.exit(main())
