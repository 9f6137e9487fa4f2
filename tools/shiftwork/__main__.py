# SPDX-License-Identifier: Apache-2.0
"""`python -m shiftwork` is the command `shiftwork`."""

import sys

from shiftwork.cli import main

if __name__ == "__main__":
    sys.exit(main())
