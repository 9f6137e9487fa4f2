# SPDX-License-Identifier: Apache-2.0
"""`yosys -ql LOG SCRIPT`, all of Yosys's command line that SymbiYosys uses, on the native Yosys of pyosys."""

import sys

from pyosys import libyosys

option, log, script = sys.argv[1:]
assert option == "-ql", sys.argv
libyosys.run_pass(f"tee -q -o {log} script {script}", libyosys.Design())
