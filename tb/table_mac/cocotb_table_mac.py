# SPDX-License-Identifier: Apache-2.0
"""Sum of looked-up products: every entry of every lane under several codebooks, stalls, writes while it computes."""

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from shiftwork.codes import sp2
from streams import STALLS, go_pattern, pack, rng


class Bench:
    """The block with a model of its tables."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.lanes = int(dut.LANES.value)
        self.depth = self.lanes.bit_length()
        self.tables = [[0] * 16 for _ in range(self.lanes)]
        dut.enable.value = dut.write.value = dut.x.value = 0
        Clock(dut.clk, 10, unit="ns").start()

    async def write(self, lanes: list[int], code: int, product: int) -> None:
        """One entry of some lanes, while the pipeline stands."""
        dut = self.dut
        dut.enable.value = 0
        dut.write.value = sum(1 << lane for lane in lanes)
        dut.write_code.value, dut.write_product.value = code, product
        await FallingEdge(dut.clk)
        dut.write.value = 0
        dut.write_code.value, dut.write_product.value = 15 - code, 255 - product
        for lane in lanes:
            self.tables[lane][code] = product

    async def check(self, beats: list[list[int]], stall: str = "none") -> None:
        """Feed column codes, a beat per enabled cycle, and compare the sums."""
        dut, go, noise = self.dut, go_pattern(stall, rng(stall)), rng("noise")
        wanted = [sum(self.tables[lane][code] for lane, code in enumerate(beat)) for beat in beats]
        compared = 0
        for cycle, beat in enumerate([*beats, *([beats[0]] * (self.depth - 1))]):
            while not next(go):
                dut.enable.value, dut.x.value = 0, noise.getrandbits(4 * self.lanes)
                before = dut.out_sum.value
                await FallingEdge(dut.clk)
                assert dut.out_sum.value == before, "the sum moved in a stalled cycle"
            dut.enable.value, dut.x.value = 1, pack(beat, 4)
            await FallingEdge(dut.clk)
            if cycle >= self.depth - 1:
                index = cycle - self.depth + 1
                assert int(dut.out_sum.value) == wanted[index], f"beat {index}: {dut.out_sum.value}"
                compared += 1
        assert compared == len(beats) > 0


def codebooks(generator) -> list[list[int]]:
    """Raised products of 16 column codes with a weight: SP2, two's complement with signed codes, any, extremes."""
    column = [code - 16 if code > 7 else code for code in range(16)]
    level, weight = generator.choice(sp2.levels().tolist()), generator.randint(-8, 7)
    raised = [[128 + level * code for code in range(16)], [128 + weight * code for code in column]]
    return [*raised, [generator.randrange(256) for _ in range(16)], [0] * 16, [255] * 16]


@cocotb.test()
async def every_entry(dut) -> None:
    bench = Bench(dut)
    generator = rng("entries")
    await FallingEdge(dut.clk)
    for book in range(5):
        for lane in range(bench.lanes):
            for code, product in enumerate(codebooks(generator)[book]):
                await bench.write([lane], code, product)
        columns = [generator.sample(range(16), 16) for _ in range(bench.lanes)]
        await bench.check([list(beat) for beat in zip(*columns, strict=True)])


@cocotb.test()
async def shared_writes_and_stalls(dut) -> None:
    bench = Bench(dut)
    generator = rng("stalls")
    await FallingEdge(dut.clk)
    every = list(range(bench.lanes))
    for code in range(16):
        await bench.write(every, code, generator.randrange(256))
    for stall in STALLS:
        for _ in range(3):
            some = [lane for lane in every if generator.random() < 0.5]
            await bench.write(some, generator.randrange(16), generator.randrange(256))
            await bench.check([[generator.randrange(16) for _ in every] for _ in range(20)], stall)
