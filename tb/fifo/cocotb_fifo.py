# SPDX-License-Identifier: Apache-2.0
"""FIFO: order under every pair of stall patterns, capacity, level, latency, throughput, reset."""

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, ReadOnly, RisingEdge

from streams import STALLS, StreamSink, StreamSource, reset, rng, start


async def begin(dut, source_stall: str = "none", sink_stall: str = "none") -> tuple[StreamSource, StreamSink]:
    await start(dut, in_valid=0, in_data=0, out_ready=0)
    cocotb.start_soon(check_level(dut))
    return StreamSource(dut, "in", ["data"], stall=source_stall), StreamSink(dut, "out", ["data"], stall=sink_stall)


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


@cocotb.test()
async def stalls(dut) -> None:
    generator = rng("stalls")
    source, sink = await begin(dut)
    for source_stall in STALLS:
        for sink_stall in (*STALLS, "after_valid"):
            source.set_stall(source_stall)
            sink.set_stall(sink_stall)
            sink.clear()
            sent = beats(dut, generator, 4 * int(dut.DEPTH.value) + 50)
            source.send(sent)
            await sink.expect(sent)


@cocotb.test()
async def latency_and_throughput(dut) -> None:
    source, sink = await begin(dut)
    sent = beats(dut, rng("rate"), 5 * int(dut.DEPTH.value))
    source.send(sent)
    await sink.expect(sent)
    assert source.cycles == list(range(source.cycles[0], source.cycles[0] + len(sent)))
    assert sink.cycles == [cycle + 1 for cycle in source.cycles]


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
    generator = rng("reset")
    source, sink = await begin(dut, "random", "random")
    for _ in range(30):
        source.send(beats(dut, generator, 60))
        await ClockCycles(dut.clk, generator.randint(1, 60))
        await reset(dut, source, sink)
        assert not int(dut.out_valid.value)
        sent = beats(dut, generator, 5)
        source.send(sent)
        await sink.expect(sent)
        sink.clear()
