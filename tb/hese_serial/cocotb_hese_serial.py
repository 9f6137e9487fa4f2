# SPDX-License-Identifier: Apache-2.0
"""Serial encoder: every word, every pair of stall patterns, latency, throughput, reset inside a word."""

from functools import cache

import cocotb

from shiftwork.codes import terms
from stream_bench import StreamBench

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


async def begin(dut) -> StreamBench:
    bench = StreamBench(dut, (["bit", "last"], ["nonzero", "negative", "first", "last"]))
    await bench.begin()
    return bench


def beats(words: list[Word]) -> tuple[list[dict[str, int]], list[dict[str, int]]]:
    return [beat for word in words for beat in bits(word)], [beat for word in words for beat in digits(word)]


def random_words(generator, count: int) -> tuple[list[dict[str, int]], list[dict[str, int]]]:
    widths = [generator.randint(1, 16) for _ in range(count)]
    return beats([(generator.getrandbits(width), width) for width in widths])


@cocotb.test()
async def every_word_of_every_width(dut) -> None:
    """All words of 1 to 8 bits back to back, without stalls: W + 1 cycles per word, one digit in each."""
    bench = await begin(dut)
    sink = bench.sink
    await bench.check(beats([(value, width) for width in range(1, 9) for value in range(1 << width)]))
    assert sink.cycles == list(range(sink.cycles[0], sink.cycles[0] + len(sink.cycles)))


@cocotb.test()
async def stalls(dut) -> None:
    bench = await begin(dut)
    extremes = beats([(0, 8), (255, 8), (0, 1), (1, 1), (0xFFFF, 16), (0x5555, 16), (0xAAAA, 16)])

    def words(generator, count: int):
        return tuple(a + b for a, b in zip(extremes, random_words(generator, count), strict=True))

    await bench.stalls(words, 40)


@cocotb.test()
async def latency(dut) -> None:
    """Digit i stands at the output one cycle after bit i + 1 was taken, the last two follow in the next cycles."""
    bench = await begin(dut)
    source, sink = bench.source, bench.sink
    source.send(bits((0b1011, 4)))
    await sink.receive(5)
    assert source.cycles == list(range(source.cycles[0], source.cycles[0] + 4))
    assert sink.cycles == list(range(source.cycles[1] + 1, source.cycles[1] + 6))


@cocotb.test()
async def reset_inside_a_word(dut) -> None:
    bench = await begin(dut)
    await bench.resets(random_words, 20, 40)
