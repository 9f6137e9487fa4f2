# SPDX-License-Identifier: Apache-2.0
# Clock of a block that is synthesized by itself, out of context: 100 MHz.
create_clock -name clk -period 10.000 [get_ports clk]
