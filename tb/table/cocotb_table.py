# SPDX-License-Identifier: Apache-2.0
"""Table of an element-wise function: every code, signs, bypass, loading between and before beats, stalls, reset."""

import random
from collections.abc import Sequence
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles
from numpy.typing import NDArray

from shiftwork.tensors.arithmetic import look_up
from stream_bench import StreamBench
from streams import STALLS, StreamSource, pack, reset, rng

Beats = list[dict[str, int]]
Table = NDArray[np.uint8]


class Bench(StreamBench):
    """The block, a source of beats, one of table words, and a sink; the table that it holds."""

    def __init__(self, dut: Any, salt: str) -> None:
        super().__init__(dut, (("last", "codes", "cfg_bypass"), ("last", "codes")))
        self.words = StreamSource(dut, "table", ("address", "data"))
        self.generator = rng(salt)
        self.lanes = len(dut.in_codes) // 8
        self.table: Table = np.zeros(256, np.uint8)

    def new_table(self) -> Beats:
        """The words of a random table, in random order."""
        self.table = np.frombuffer(self.generator.randbytes(256), np.uint8)
        words = [{"address": code, "data": int(result)} for code, result in enumerate(self.table)]
        self.generator.shuffle(words)
        return words

    async def load(self, words: Beats) -> None:
        self.words.send(words)
        await self.words.drain()

    def beat(self, codes: Sequence[int], bypass: int, table: Table) -> tuple[dict[str, int], dict[str, int]]:
        """The ports of a beat, and what has to leave."""
        last, here = self.generator.randrange(2), np.array(codes, np.uint8)
        results = here if bypass else look_up(here, table)
        return (
            {"last": last, "codes": pack(here.tolist(), 8), "cfg_bypass": bypass},
            {"last": last, "codes": pack(results.tolist(), 8)},
        )

    def beats(self, _: random.Random, count: int) -> tuple[Beats, Beats]:
        """Random beats, one of three passed as it is, and what has to leave."""
        codes = [self.generator.randbytes(self.lanes) for _ in range(count)]
        pairs = [self.beat(list(of), int(self.generator.randrange(3) == 0), self.table) for of in codes]
        return [sent for sent, _ in pairs], [wanted for _, wanted in pairs]


async def begin(dut: Any, salt: str) -> Bench:
    bench = Bench(dut, salt)
    await bench.begin()
    return bench


@cocotb.test()
async def bypass_needs_no_table(dut) -> None:
    """After reset, before any word is written."""
    bench = await begin(dut, "bypass")
    pairs = [bench.beat(list(bench.generator.randbytes(bench.lanes)), 1, bench.table) for _ in range(50)]
    await bench.check(([sent for sent, _ in pairs], [wanted for _, wanted in pairs]))


@cocotb.test()
async def every_code(dut) -> None:
    """Every code in every lane, looked up and passed, beside different codes in the other lanes."""
    bench = await begin(dut, "codes")
    await bench.load(bench.new_table())
    pairs = [
        bench.beat([code + 37 * lane & 255 for lane in range(bench.lanes)], bypass, bench.table)
        for code in range(256)
        for bypass in (0, 1)
    ]
    await bench.check(([sent for sent, _ in pairs], [wanted for _, wanted in pairs]))


@cocotb.test()
async def signed_codes(dut) -> None:
    """Leaky ReLU and negation of signed codes, the magnitude of signed codes without a sign, half of unsigned codes."""
    bench = await begin(dut, "signs")
    signed, unsigned = np.arange(-128, 128), np.arange(256)
    functions = (
        (signed, np.int8, np.where(signed < 0, signed >> 3, signed), np.int8),
        (signed, np.int8, np.minimum(-signed, 127), np.int8),
        (signed, np.int8, abs(signed), np.uint8),
        (unsigned, np.uint8, unsigned >> 1, np.int8),
    )
    for codes, kind, results, result_kind in functions:
        table = np.zeros(256, result_kind)
        table[codes.astype(kind).view(np.uint8)] = results
        await bench.load([{"address": code, "data": int(result) & 255} for code, result in enumerate(table)])
        some = np.array(bench.generator.choices(codes.tolist(), k=60 * bench.lanes), kind).reshape(60, bench.lanes)
        wanted = dict(zip(codes.tolist(), results.tolist(), strict=True))
        bench.sink.clear()
        await bench.check(
            (
                [{"last": 0, "codes": pack(beat, 8), "cfg_bypass": 0} for beat in some],
                [{"last": 0, "codes": pack((wanted[code] for code in beat), 8)} for beat in some.tolist()],
            )
        )


@cocotb.test()
async def stalls(dut) -> None:
    """A new table for every pair of patterns; some words of it come in gaps."""
    bench = await begin(dut, "stalls")
    for _ in bench.every_stall():
        bench.words.set_stall(bench.generator.choice(STALLS))
        await bench.load(bench.new_table())
        await bench.check(bench.beats(bench.generator, 60))


@cocotb.test()
async def latency_and_throughput(dut) -> None:
    """A word of the table a cycle, a beat a cycle."""
    bench = await begin(dut, "rate")
    await bench.load(bench.new_table())
    first = bench.words.cycles[0]
    assert bench.words.cycles == list(range(first, first + 256))
    await bench.rate(bench.beats, 50, 2)


@cocotb.test()
async def tables_wait_for_the_last_beat(dut) -> None:
    """Words that are offered while beats are inside are taken one per cycle once the last one has left."""
    bench = await begin(dut, "tables")
    await bench.load(bench.new_table())
    for stall in (*STALLS, "after_valid"):
        bench.words.cycles.clear()
        bench.sink.clear()
        bench.sink.set_stall(stall)
        sent, wanted = bench.beats(bench.generator, 60)
        bench.source.send(sent)
        while not int(dut.in_valid.value):
            await ClockCycles(dut.clk, 1)
        bench.words.send(bench.new_table())
        await bench.sink.expect(wanted)
        await bench.words.drain()
        left = bench.sink.cycles[-1]
        assert bench.words.cycles == list(range(left + 1, left + 1 + 256))


@cocotb.test()
async def a_word_holds_for_the_beats_after_it(dut) -> None:
    """Words and beats that are offered together at any time: a beat sees the words taken in the cycles before it."""
    bench = await begin(dut, "order")
    for _ in bench.every_stall():
        bench.words.set_stall("random")
        await bench.load(bench.new_table())
        bench.words.cycles.clear()
        bench.source.cycles.clear()
        few = bench.generator.sample(range(256), 4)
        codes = [bench.generator.choices(few, k=bench.lanes) for _ in range(60)]
        words = [(bench.generator.choice(few), bench.generator.randrange(256)) for _ in range(60)]
        bench.source.send(bench.beat(of, 0, bench.table)[0] | {"last": 0} for of in codes)
        bench.words.send({"address": code, "data": result} for code, result in words)
        received = await bench.sink.receive(len(codes))
        await bench.words.drain()
        assert len(bench.source.cycles) == len(codes) and len(bench.words.cycles) == len(words)
        for of, taken, beat in zip(codes, bench.source.cycles, received, strict=True):
            table = bench.table.copy()
            for (code, result), cycle in zip(words, bench.words.cycles, strict=True):
                if cycle < taken:
                    table[code] = result
            assert beat["codes"] == bench.beat(of, 0, table)[1]["codes"], f"a beat taken in cycle {taken}"


@cocotb.test()
async def reset_in_mid_stream(dut) -> None:
    """Beats are dropped, the table stays."""
    bench = await begin(dut, "reset")
    await bench.load(bench.new_table())
    await bench.resets(bench.beats, 30, 20)


@cocotb.test()
async def words_at_a_reset(dut) -> None:
    """A word taken in the cycle before a reset is written, one offered with it is not."""
    bench = await begin(dut, "words at a reset")
    await bench.load(bench.new_table())
    table = bench.table.copy()
    bench.words.send({"address": code, "data": int(table[code]) ^ 255} for code in (5, 9))
    await ClockCycles(dut.clk, 1)
    await reset(dut, bench.words, bench.source, bench.sink)
    table[5] ^= 255
    bench.table = table
    pairs = [bench.beat([code] * bench.lanes, 0, table) for code in (5, 9, *range(20))]
    await bench.check(([sent for sent, _ in pairs], [wanted for _, wanted in pairs]))
