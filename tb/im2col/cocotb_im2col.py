# SPDX-License-Identifier: Apache-2.0
"""Every read request of random and extreme layers against shiftwork.golden.blocks_layout.requests, at its exact cycle;
gaps between steps, reset."""

import cocotb
from nests import NestBench, extreme_nests, random_nest

from shiftwork.golden.blocks_layout import Nest, requests
from streams import STALLS, go_pattern, pack, rng, start

ISSUE_LATENCY = 9
FIELDS = ("address", "dy", "dx", "swap", "row_ok", "col_ok")


class Bench(NestBench):
    def __init__(self, dut) -> None:
        super().__init__(dut, ISSUE_LATENCY)
        self.rng = rng("im2col")
        self.cols = int(dut.COLS.value)
        self.address_w = int(dut.ADDR_W.value)
        self.ports = [getattr(dut, f"read_{name}") for name in FIELDS]

    async def begin(self) -> None:
        await start(self.dut, low=("busy", "read_enable"), start=0, step=0)

    async def layer(self, nest: Nest, stall: str, abort: int | None = None) -> None:
        asked = requests(nest, self.address_w)
        words = [
            [pack(row, self.address_w) for row in asked.addresses.tolist()],
            asked.dy.tolist(),
            asked.dx.tolist(),
            asked.swap.tolist(),
            [pack(row, 1) for row in asked.row_ok.tolist()],
            [pack(row, 1) for row in asked.col_ok.tolist()],
        ]

        def check(beat: int | None) -> None:
            assert int(self.dut.read_enable.value) == (beat is not None)
            if beat is not None:
                for name, port, word in zip(FIELDS, self.ports, words, strict=True):
                    seen = int(port.value)
                    assert seen == word[beat], f"{name} of beat {beat} is {seen:#x}, not {word[beat]:#x}: {nest}"

        await self.run(nest, go_pattern(stall, self.rng), check, abort)


@cocotb.test()
async def random_layers(dut) -> None:
    bench = Bench(dut)
    await bench.begin()
    for number in range(60):
        await bench.layer(random_nest(bench.rng, bench.cols, bench.address_w, 120), STALLS[number % 3])


@cocotb.test()
async def extreme_layers(dut) -> None:
    bench = Bench(dut)
    await bench.begin()
    for nest in extreme_nests(bench.rng, bench.cols, bench.address_w):
        await bench.layer(nest, bench.rng.choice(("none", "none", "random")))


@cocotb.test()
async def reset_at_any_beat(dut) -> None:
    bench = Bench(dut)
    await bench.begin()
    for number in range(30):
        nest = random_nest(bench.rng, bench.cols, bench.address_w, 60)
        await bench.layer(nest, STALLS[number % 3], abort=bench.rng.randint(1, nest.beats))
        await bench.layer(random_nest(bench.rng, bench.cols, bench.address_w, 30), "none")
