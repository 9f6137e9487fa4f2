# SPDX-License-Identifier: Apache-2.0
"""Post unit with exponential codes: beats against the golden model, tables between layers, stalls, latency, reset."""

import random
from typing import Any, NamedTuple

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles
from post_ports import ENTERS, LEAVES

from shiftwork.codes import exponential
from shiftwork.tensors import arithmetic
from stream_bench import StreamBench
from streams import STALLS, StreamSource, pack, rng

Beats = list[dict[str, int]]


class Layer(NamedTuple):
    """What the tables hold: thresholds (2R,) of n bits and the largest exponent of the output; levels of the shortcut
    (2R + 1,), which may have another n."""

    bits: int
    limits: list[int]
    high: int
    levels: list[int]


class Lane(NamedTuple):
    """Operands of one lane; `sum` is what comes out before ReLU, `shortcut` a code of the shortcut's bits."""

    sum: int
    bias: int = 0
    shortcut: int = 0
    shortcut_shift: int = 0


class Bench(StreamBench):
    """The unit, a source of beats, one of table words, and a sink."""

    def __init__(self, dut: Any, generator: random.Random) -> None:
        super().__init__(dut, (ENTERS, LEAVES))
        self.generator = generator
        self.lanes, self.bits, self.width = int(dut.LANES.value), len(dut.table_address), len(dut.table_data)
        self.top = (1 << (self.width - 1)) - 1
        self.tables = StreamSource(dut, "table", ("select", "address", "data"))

    def layer(self) -> Layer:
        """Thresholds of any size, levels with the largest magnitude, of any n."""
        generator = self.generator
        bits, shortcut_bits = generator.randint(3, self.bits), generator.randint(3, self.bits)
        r = exponential.radius(bits)
        size = self.top.bit_length()
        limits = sorted(generator.randint(-1, self.top) >> generator.randint(0, size) for _ in range(2 * r))
        most = (1 << exponential.ACTIVATION_BITS) - 1
        levels = [generator.randint(-most, most) for _ in range(2 * exponential.radius(shortcut_bits))]
        return Layer(bits, limits, generator.choice((r, generator.randint(-r, r))), [*levels, most])

    def words(self, layer: Layer) -> Beats:
        """Every word of both tables in random order; the field of the zero code holds anything."""
        thresholds = exponential.threshold_words(layer.limits, layer.bits, self.bits, layer.high).tolist()
        levels = exponential.level_words(layer.levels, self.bits)
        levels[1 << (self.bits - 1)] = self.generator.getrandbits(16)
        noise = self.generator.getrandbits(self.width) & ~0x1FFFF
        words = [(0, address, min(word, self.top)) for address, word in enumerate(thresholds, 1)]
        words += [(1, address, word & 0x1FFFF | noise) for address, word in enumerate(levels.tolist())]
        self.generator.shuffle(words)
        return [dict(zip(("select", "address", "data"), word, strict=True)) for word in words]

    async def load(self, layer: Layer) -> None:
        self.tables.send(self.words(layer))
        await self.tables.drain()

    def beat(self, layer: Layer, lanes: list[Lane], relu: int, enable: int) -> tuple[dict[str, int], dict[str, int]]:
        """The ports of a beat, bits that are not read at random, and what has to leave."""
        generator, last = self.generator, self.generator.randrange(2)
        sums, biases, codes, shifts = (np.array(column, np.int64) for column in zip(*lanes, strict=True))
        shortcut = exponential.code_values(tuple(layer.levels))[codes] if enable else None
        acc = 2 * sums - arithmetic.module_sum(sums, biases, 0, shortcut, shifts)
        assert (arithmetic.module_sum(acc, biases, 0, shortcut, shifts) == sums).all()
        unread = [generator.getrandbits(8) for _ in lanes]
        stored = exponential.resize(codes, len(layer.levels).bit_length(), self.bits).astype(np.int64)
        zero = stored == 1 << (self.bits - 1)
        stored |= np.where(zero, np.array(unread) & 1 << self.bits, 0) | (np.array(unread) & 254 << self.bits & 255)
        if not enable:
            stored = np.array(unread)
        ports = {
            "last": last,
            "source": 1,
            "acc": pack(acc.tolist(), self.width),
            "bias": pack(biases.tolist(), self.width),
            "shortcut": pack(stored.tolist(), 8),
            "shortcut_shift": pack([shift | bit & 32 for shift, bit in zip(shifts.tolist(), unread, strict=True)], 6),
            "cfg_relu": relu,
            "cfg_shortcut_enable": enable,
        }
        handles = {name: getattr(self.dut, name if name.startswith("cfg") else f"in_{name}") for name in ENTERS}
        ports |= {name: generator.getrandbits(len(handle)) for name, handle in handles.items() if name not in ports}
        limits = layer.limits[: layer.high + exponential.radius(layer.bits)]
        found = exponential.encode_thresholds(sums, limits, layer.bits, bool(relu))
        wanted = exponential.resize(found, layer.bits, self.bits)
        total = np.maximum(sums, 0) if relu else sums
        return ports, {"last": last, "code": pack(wanted.tolist(), 8), "sum": pack(total.tolist(), self.width)}

    def lane(self, layer: Layer) -> Lane:
        """A sum at a threshold, or of any size; partial sums may leave the width."""
        generator = self.generator
        near = generator.choice(layer.limits) + generator.choice((-1, 0, 1))
        some = generator.getrandbits(generator.randint(1, self.width - 1))
        total = max(-self.top, min(self.top, generator.choice((-1, 1)) * generator.choice((near, some, self.top))))
        bias = generator.getrandbits(generator.randint(1, self.width - 1)) * generator.choice((-1, 1))
        bits = len(layer.levels).bit_length()
        code = generator.choice([code for code in range(2 << bits) if code != 3 << (bits - 1)])
        return Lane(total, bias, code, generator.randrange(32))

    def beats(self, layer: Layer, count: int) -> tuple[Beats, Beats]:
        """Random beats and what has to leave."""
        pairs = [
            self.beat(
                layer,
                [self.lane(layer) for _ in range(self.lanes)],
                self.generator.randrange(2),
                self.generator.randrange(2),
            )
            for _ in range(count)
        ]
        return [sent for sent, _ in pairs], [wanted for _, wanted in pairs]


async def begin(dut: Any, salt: str) -> Bench:
    bench = Bench(dut, rng(salt))
    await bench.begin()
    return bench


@cocotb.test()
async def stalls(dut) -> None:
    """Every beat has its own operands, shortcut shifts and configuration; new tables for every pattern."""
    bench = await begin(dut, "stalls")
    for _ in bench.every_stall():
        layer = bench.layer()
        await bench.load(layer)
        await bench.check(bench.beats(layer, 40))


@cocotb.test()
async def latency_and_throughput(dut) -> None:
    bench = await begin(dut, "rate")
    layer = bench.layer()
    await bench.load(layer)
    await bench.rate(lambda _, count: bench.beats(layer, count), 50, 2 + bench.bits)


@cocotb.test()
async def tables_wait_for_the_last_beat(dut) -> None:
    """Words that are offered while beats are inside are taken one per cycle once the last one has left."""
    bench = await begin(dut, "tables")
    layer, following = bench.layer(), bench.layer()
    await bench.load(layer)
    for stall in (*STALLS, "after_valid"):
        bench.tables.cycles.clear()
        bench.sink.clear()
        bench.sink.set_stall(stall)
        sent, wanted = bench.beats(layer, 60)
        bench.source.send(sent)
        while not int(dut.in_valid.value):
            await ClockCycles(dut.clk, 1)
        words = bench.words(following)
        bench.tables.send(words)
        await bench.sink.expect(wanted)
        await bench.tables.drain()
        left = bench.sink.cycles[-1]
        assert bench.tables.cycles == list(range(left + 1, left + 1 + len(words)))
        layer, following = following, bench.layer()


@cocotb.test()
async def extremes(dut) -> None:
    """Every shift of the largest and the zero level of both signs, sums at both ends and at zero."""
    bench = await begin(dut, "extremes")
    layer = bench.layer()
    await bench.load(layer)
    bits = len(layer.levels).bit_length()
    largest, zero = exponential.radius(bits), 1 << (bits - 1)
    pairs = [
        bench.beat(layer, [Lane(total, -total, code, place)] * bench.lanes, place % 2, 1)
        for place in range(32)
        for code in (largest, largest | 1 << bits, zero)
        for total in (bench.top, -bench.top, 0, 1, -1)
    ]
    bench.source.send([sent for sent, _ in pairs])
    await bench.sink.expect([wanted for _, wanted in pairs])


@cocotb.test()
async def reset_in_mid_stream(dut) -> None:
    """Beats are dropped, the tables stay."""
    bench = await begin(dut, "reset")
    layer = bench.layer()
    await bench.load(layer)
    await bench.resets(lambda _, count: bench.beats(layer, count), 30, 20)
