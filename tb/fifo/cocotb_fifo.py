# SPDX-License-Identifier: Apache-2.0
"""FIFO: order under every pair of stall patterns, capacity, level, latency, throughput, reset."""

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, ReadOnly, RisingEdge

from stream_bench import StreamBench
from streams import StreamSink, StreamSource, rng, start


async def begin(dut) -> StreamBench:
    bench = StreamBench(dut, (["data"], ["data"]))
    await bench.begin(low=["level"])
    cocotb.start_soon(check_level(dut))
    return bench


async def check_level(dut) -> None:
    """`level` counts the words held; in_ready and out_valid follow it."""
    held, depth = 0, int(dut.DEPTH.value)
    while True:
        await RisingEdge(dut.clk)
        level = int(dut.level.value)
        assert level == held, f"level {level}, held {held}"
        assert bool(dut.in_ready.value) == (held < depth)
        assert bool(dut.out_valid.value) == (held > 0)
        held += int(dut.in_valid.value and dut.in_ready.value) - int(dut.out_valid.value and dut.out_ready.value)
        if dut.rst.value:
            held = 0


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
async def latency_and_throughput(dut) -> None:
    bench = await begin(dut)
    await bench.rate(pairs(dut), 5 * int(dut.DEPTH.value), latency=1)


@cocotb.test()
async def capacity(dut) -> None:
    """Exactly DEPTH words enter while nothing leaves."""
    depth = int(dut.DEPTH.value)
    await start(dut, in_valid=0, in_data=0, out_ready=0)
    source = StreamSource(dut, "in", ["data"])
    sent = beats(dut, rng("capacity"), depth + 5)
    source.send(sent)
    await ClockCycles(dut.clk, depth + 20)
    await FallingEdge(dut.clk)
    await ReadOnly()
    assert len(source.cycles) == depth
    assert int(dut.level.value) == depth
    assert not dut.in_ready.value
    await FallingEdge(dut.clk)
    sink = StreamSink(dut, "out", ["data"])
    await sink.expect(sent)


@cocotb.test()
async def reset_in_mid_stream(dut) -> None:
    bench = await begin(dut)
    await bench.resets(pairs(dut), 60, 30)
