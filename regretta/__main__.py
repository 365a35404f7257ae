"""``python -m regretta`` is ``regretta``."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; where it cannot even be imported, say why in one line."""
    try:
        from regretta.cli import main as run
    except ImportError as error:
        print(f"regretta: {error}", file=sys.stderr)
        return 1
    return run()


if __name__ == "__main__":
    sys.exit(main())
