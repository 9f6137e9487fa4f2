# SPDX-License-Identifier: Apache-2.0
"""Serial encoder: every word, every pair of stall patterns, latency, throughput, reset inside a word."""

from functools import cache

import cocotb
from cocotb.triggers import ClockCycles

from shiftwork.codes import terms
from streams import STALLS, StreamSink, StreamSource, reset, rng, start

Word = tuple[int, int]  # (magnitude, number of bits)


def bits(word: Word) -> list[dict[str, int]]:
    magnitude, width = word
    return [{"bit": (magnitude >> i) & 1, "last": int(i == width - 1)} for i in range(width)]


@cache
def digits(word: Word) -> list[dict[str, int]]:
    magnitude, width = word
    return [
        {"nonzero": int(digit != 0), "negative": int(digit < 0), "first": int(i == 0), "last": int(i == width)}
        for i, digit in enumerate(terms.encode([magnitude], rule="hese", width=width)[0].tolist())
    ]


async def begin(dut, source_stall: str = "none", sink_stall: str = "none") -> tuple[StreamSource, StreamSink]:
    await start(dut, in_valid=0, in_bit=0, in_last=0, out_ready=0)
    source = StreamSource(dut, "in", ["bit", "last"], stall=source_stall)
    sink = StreamSink(dut, "out", ["nonzero", "negative", "first", "last"], stall=sink_stall)
    return source, sink


async def check(source: StreamSource, sink: StreamSink, words: list[Word]) -> None:
    source.send(beat for word in words for beat in bits(word))
    await sink.expect([beat for word in words for beat in digits(word)])


@cocotb.test()
async def every_word_of_every_width(dut) -> None:
    """All words of 1 to 8 bits back to back, without stalls: W + 1 cycles per word, one digit in each."""
    source, sink = await begin(dut)
    await check(source, sink, [(value, width) for width in range(1, 9) for value in range(1 << width)])
    assert sink.cycles == list(range(sink.cycles[0], sink.cycles[0] + len(sink.cycles)))


@cocotb.test()
async def stalls(dut) -> None:
    generator = rng("stalls")
    source, sink = await begin(dut)
    for source_stall in STALLS:
        for sink_stall in (*STALLS, "after_valid"):
            source.set_stall(source_stall)
            sink.set_stall(sink_stall)
            sink.clear()
            widths = [generator.randint(1, 16) for _ in range(40)]
            extremes = [(0, 8), (255, 8), (0, 1), (1, 1), (0xFFFF, 16), (0x5555, 16), (0xAAAA, 16)]
            await check(source, sink, extremes + [(generator.getrandbits(width), width) for width in widths])


@cocotb.test()
async def latency(dut) -> None:
    """Digit i stands at the output one cycle after bit i + 1 was taken, the last two follow in the next cycles."""
    source, sink = await begin(dut)
    source.send(bits((0b1011, 4)))
    await sink.receive(5)
    assert source.cycles == list(range(source.cycles[0], source.cycles[0] + 4))
    assert sink.cycles == list(range(source.cycles[1] + 1, source.cycles[1] + 6))


@cocotb.test()
async def reset_inside_a_word(dut) -> None:
    generator = rng("reset")
    source, sink = await begin(dut, "random", "random")
    for _ in range(30):
        source.send(beat for _ in range(4) for beat in bits((generator.getrandbits(8), 8)))
        await ClockCycles(dut.clk, generator.randint(1, 30))
        await reset(dut, source, sink)
        assert not int(dut.out_valid.value)
        await check(source, sink, [(generator.getrandbits(8), 8) for _ in range(3)])
        sink.clear()
