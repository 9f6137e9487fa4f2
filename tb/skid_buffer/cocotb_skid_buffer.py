# SPDX-License-Identifier: Apache-2.0
"""Skid buffer: order under every pair of stall patterns, latency, throughput, registered ready, reset."""

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, ReadOnly, RisingEdge

from streams import STALLS, StreamSink, StreamSource, reset, rng, start


async def begin(dut, source_stall: str = "none", sink_stall: str = "none") -> tuple[StreamSource, StreamSink]:
    await start(dut, in_valid=0, in_data=0, out_ready=0)
    return StreamSource(dut, "in", ["data"], stall=source_stall), StreamSink(dut, "out", ["data"], stall=sink_stall)


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
            sent = beats(dut, generator, 200)
            source.send(sent)
            await sink.expect(sent)


@cocotb.test()
async def latency_and_throughput(dut) -> None:
    source, sink = await begin(dut)
    sent = beats(dut, rng("rate"), 100)
    source.send(sent)
    await sink.expect(sent)
    assert source.cycles == list(range(source.cycles[0], source.cycles[0] + 100))
    assert sink.cycles == [cycle + 1 for cycle in source.cycles]


@cocotb.test()
async def full_rate_after_a_stall(dut) -> None:
    """A sink that stops for one cycle costs one cycle."""
    source, sink = await begin(dut)
    sent = beats(dut, rng("one"), 60)
    source.send(sent)
    await sink.receive(20)
    sink.pause(1)
    await sink.expect(sent)
    assert sink.cycles[-1] - sink.cycles[0] == 60


@cocotb.test()
async def two_beats_fit(dut) -> None:
    """While the output stalls, two beats enter, also when the second comes late."""
    source, sink = await begin(dut)
    sent = beats(dut, rng("fit"), 3)
    sink.pause(40)
    source.send(sent[:1])
    await ClockCycles(dut.clk, 10)
    source.send(sent[1:])
    await ClockCycles(dut.clk, 10)
    assert len(source.cycles) == 2
    await sink.expect(sent)


@cocotb.test()
async def ready_is_registered(dut) -> None:
    """Neither input changes in_ready, out_valid or out_data between two clock edges."""
    generator = rng("registered")
    await start(dut, in_valid=0, in_data=0, out_ready=0)
    for _ in range(200):
        await RisingEdge(dut.clk)
        await ReadOnly()
        before = (str(dut.in_ready.value), str(dut.out_valid.value), str(dut.out_data.value))
        await FallingEdge(dut.clk)
        for name in ("in_valid", "in_data", "out_ready"):
            handle = getattr(dut, name)
            handle.value = generator.getrandbits(len(handle))
        await ReadOnly()
        assert before == (str(dut.in_ready.value), str(dut.out_valid.value), str(dut.out_data.value))


@cocotb.test()
async def reset_in_mid_stream(dut) -> None:
    generator = rng("reset")
    source, sink = await begin(dut, "random", "random")
    for _ in range(30):
        source.send(beats(dut, generator, 40))
        await ClockCycles(dut.clk, generator.randint(1, 40))
        await reset(dut, source, sink)
        assert not int(dut.out_valid.value)
        sent = beats(dut, generator, 5)
        source.send(sent)
        await sink.expect(sent)
        sink.clear()
