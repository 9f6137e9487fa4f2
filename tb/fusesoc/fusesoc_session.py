# SPDX-License-Identifier: Apache-2.0
"""Gives `fusesoc run --target=sim` an honest exit code. Two roles, both without anything of this repository:

* imported as the first cocotb module of a simulation, it provides the seed, and when the simulator ends it turns
  "no test ran" and "a test failed" into exit code 1 (a cocotb simulation ends with 0 in either case);
* run as a script before the build, it insists on GPI_USERS, without which cocotb 2.1 silently runs no test.
"""

import atexit
import os
import sys
from pathlib import Path
from xml.etree import ElementTree


def verdict(results: Path) -> None:
    """End the process with exit code 1 unless at least one test ran and all passed."""
    suites = ElementTree.parse(results).findall("testsuite") if results.exists() else []
    count = {
        name: sum(int(suite.get(name, 0)) for suite in suites) for name in ("tests", "skipped", "failures", "errors")
    }
    ran, failed = count["tests"] - count["skipped"], count["failures"] + count["errors"]
    if failed or not ran:
        print(f"FAILED: {failed} of {ran} tests", file=sys.stderr, flush=True)
        os._exit(1)


if __name__ == "__main__":
    if not os.environ.get("GPI_USERS"):
        sys.exit(
            "GPI_USERS is not set, so no test would run. First:\n"
            '  export GPI_USERS="$(cocotb-config --libpython);$(cocotb-config --pygpi-entry-point)"'
        )
else:
    os.environ.setdefault("SHW_SEED", "1")
    _results = Path(os.environ.get("COCOTB_RESULTS_FILE", "results.xml")).absolute()
    _results.unlink(missing_ok=True)
    atexit.register(verdict, _results)
