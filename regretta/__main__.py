"""``python -m regretta`` is ``regretta``."""

import sys

from regretta.cli import main

sys.exit(main())
