# SPDX-License-Identifier: Apache-2.0
"""FIFO in registers: order under every pair of stall patterns, capacity, latency, throughput, reset."""

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, ReadOnly

from stream_bench import StreamBench
from streams import StreamSink, StreamSource, rng, start


async def begin(dut) -> StreamBench:
    bench = StreamBench(dut, (["data"], ["data"]))
    await bench.begin()
    return bench


def beats(dut, generator, count: int) -> list[dict[str, int]]:
    return [{"data": generator.getrandbits(len(dut.in_data))} for _ in range(count)]


def pairs(dut):
    """What enters leaves."""
    return lambda generator, count: (beats(dut, generator, count),) * 2


@cocotb.test()
async def stalls(dut) -> None:
    bench = await begin(dut)
    await bench.stalls(pairs(dut), 4 * int(dut.DEPTH.value) + 50)


@cocotb.test()
async def latency(dut) -> None:
    depth = int(dut.DEPTH.value)
    bench = await begin(dut)
    await bench.rate(pairs(dut), depth, latency=depth)


@cocotb.test()
async def throughput(dut) -> None:
    """DEPTH words in DEPTH + 1 cycles, each a latency after it was taken."""
    depth = int(dut.DEPTH.value)
    bench = await begin(dut)
    await bench.check(pairs(dut)(rng("throughput"), 5 * depth + 1))
    taken = bench.source.cycles
    assert bench.sink.cycles == [cycle + depth for cycle in taken]
    assert taken == [taken[0] + index + index // depth for index in range(len(taken))]


@cocotb.test()
async def capacity(dut) -> None:
    """DEPTH words enter while nothing leaves, whatever the gaps between them; then one leaves a cycle."""
    depth, generator = int(dut.DEPTH.value), rng("capacity")
    await start(dut, in_valid=0, in_data=0, out_ready=0)
    source = StreamSource(dut, "in", ["data"])
    source.set_stall("random")
    sent = beats(dut, generator, depth + 5)
    source.send(sent)
    await ClockCycles(dut.clk, 20 * depth + 40)
    await FallingEdge(dut.clk)
    await ReadOnly()
    assert len(source.cycles) == depth
    assert dut.out_valid.value and not dut.in_ready.value
    await FallingEdge(dut.clk)
    sink = StreamSink(dut, "out", ["data"])
    await sink.expect(sent)
    assert sink.cycles[depth - 1] - sink.cycles[0] == depth - 1


@cocotb.test()
async def reset_in_mid_stream(dut) -> None:
    bench = await begin(dut)
    await bench.resets(pairs(dut), 60, 30)
