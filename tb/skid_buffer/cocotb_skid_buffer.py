# SPDX-License-Identifier: Apache-2.0
"""Skid buffer: order under every pair of stall patterns, latency, throughput, registered ready, reset."""

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, ReadOnly, RisingEdge

from stream_bench import StreamBench
from streams import rng, start


async def begin(dut) -> StreamBench:
    bench = StreamBench(dut, (["data"], ["data"]))
    await bench.begin(low=["in_ready"])
    return bench


def beats(dut, generator, count: int) -> list[dict[str, int]]:
    return [{"data": generator.getrandbits(len(dut.in_data))} for _ in range(count)]


def pairs(dut):
    """What enters leaves."""
    return lambda generator, count: (beats(dut, generator, count),) * 2


@cocotb.test()
async def stalls(dut) -> None:
    bench = await begin(dut)
    await bench.stalls(pairs(dut), 200)


@cocotb.test()
async def latency_and_throughput(dut) -> None:
    bench = await begin(dut)
    await bench.rate(pairs(dut), 100, latency=1)


@cocotb.test()
async def full_rate_after_a_stall(dut) -> None:
    """A sink that stops for one cycle costs one cycle."""
    bench = await begin(dut)
    source, sink, sent = bench.source, bench.sink, beats(dut, rng("one"), 60)
    source.send(sent)
    await sink.receive(20)
    sink.pause(1)
    await sink.expect(sent)
    assert sink.cycles[-1] - sink.cycles[0] == 60


@cocotb.test()
async def two_beats_fit(dut) -> None:
    """While the output stalls, two beats enter, also when the second comes late."""
    bench = await begin(dut)
    source, sink, sent = bench.source, bench.sink, beats(dut, rng("fit"), 3)
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
    bench = await begin(dut)
    await bench.resets(pairs(dut), 40, 30)
