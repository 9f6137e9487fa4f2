#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# simulators.sh BIN SIM: make sure that the simulators selected by SIM (empty: both) are here, and the shared Python
# library that cocotb loads. Installs from the distribution as root or through sudo; otherwise names the one command.
set -euo pipefail
bin=$1 sim=$2
packages=()
if [ "$sim" != verilator ]; then
  command -v iverilog >/dev/null && command -v vvp >/dev/null || packages+=(iverilog)
fi
"$bin/python" -m find_libpython | grep -q . ||
  packages+=("libpython$("$bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')")
if [ ${#packages[@]} -gt 0 ]; then
  install="apt-get install -y --no-install-recommends ${packages[*]}"
  root=()
  [ "$(id -u)" = 0 ] || root=(sudo -n)
  if ! command -v apt-get >/dev/null || { [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; }; then
    echo "setup: error: missing: ${packages[*]}. As root, run: $install" >&2
    exit 1
  fi
  echo "setup: $install"
  export DEBIAN_FRONTEND=noninteractive
  { "${root[@]}" apt-get update -qq && "${root[@]}" $install -qq; } >/dev/null ||
    { echo "setup: error: apt-get failed; as root, run: $install" >&2; exit 1; }
fi
[ "$sim" = icarus ] || verilator --version
[ "$sim" = verilator ] || iverilog -V 2>/dev/null | head -n 1
