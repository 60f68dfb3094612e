"""`python -m muelle` is the command `muelle`."""

import sys

from muelle.cli import main

if __name__ == "__main__":
    sys.exit(main())
