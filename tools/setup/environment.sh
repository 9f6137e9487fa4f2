#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# environment.sh PYTHON VENV EXTRA: the virtual environment with shiftwork and one group of pinned packages
# (EXTRA: empty for what running needs, dev, synth, train, litex). Safe to repeat.
set -euo pipefail
python=$1 venv=$2 extra=$3
say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }

command -v "$python" >/dev/null || die "$python not found: install Python 3.11 or newer"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || die "$("$python" -V) is too old: 3.11 or newer is needed"
for tool in g++ make; do
  command -v "$tool" >/dev/null || die "$tool not found; on Debian or Ubuntu: apt-get install -y g++ make python3-venv"
done

if [ ! -x "$venv/bin/pip" ]; then
  say "creating $venv with $("$python" -V)"
  rm -rf "$venv"
  "$python" -m venv "$venv" || die "venv failed; on Debian or Ubuntu: apt-get install -y python3-venv"
fi

say "installing packages${extra:+ for $extra} (pinned in pyproject.toml)"
log=$venv/pip.log
PIP_DISABLE_PIP_VERSION_CHECK=1 "$venv/bin/pip" install --no-input --progress-bar off -e ".${extra:+[$extra]}" 2>&1 |
  tee "$log" | sed -un 's/^Collecting \([^ ]*\).*/setup:   \1/p' ||
  { grep -i error "$log" >&2 || tail -n 5 "$log" >&2; die "pip failed, all its output is in $log"; }
[ -n "$extra" ] || say "$("$venv/bin/python" tools/setup/install_verilator.py)"
