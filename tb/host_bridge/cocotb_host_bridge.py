# SPDX-License-Identifier: Apache-2.0
"""Frames of a host against a model: every space and status, damage, garbage, cut frames, queues, stalls, reset.

Frames are made and read by `shiftwork.board.frames`; what a request does to the words of the bus is said here.
"""

from __future__ import annotations

import os

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge

from shiftwork.board.frames import MAX_WORDS, WORD, Request, Response, ResponseParser, Space, Status, with_crc
from streams import StreamSink, reset, rng, start

ROUNDS = int(os.environ.get("SHW_ROUNDS", "1"))  # how often the random tests turn
SIZES = {Space.REGISTERS: 1 << 12, Space.BOARD: 32}
PACE = 3  # cycles between bytes at least
QUEUE = 511  # bytes that wait
BYTE = 13  # cycles of a byte that comes


class Bench:
    """The bridge, bytes to and from it, and words behind its bus that are read, written and out of order."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.rng = rng("host_bridge")
        self.sizes = {Space.MEMORY: 1 << int(dut.MEMORY_W.value), **SIZES}
        self.timeout = 1 << int(dut.TIMEOUT_W.value)
        self.sink = StreamSink(dut, "out", ["data"])
        self.words: dict[tuple[int, int], int] = {}  # by space and address, as the model has them
        self.behind: dict[tuple[int, int], int] = {}  # as the bus has them
        self.broken: set[tuple[int, int]] = set()
        self.delay = 0  # most cycles until the bus takes an access, and until it is done
        self.accesses = 0
        self.tag = 0

    async def begin(self) -> None:
        await start(self.dut, low=("out_valid", "bus_valid", "dropped"), in_valid=0, in_data=0, bus_ready=0, bus_done=0)
        cocotb.start_soon(self._bus())

    def fresh(self, key: tuple[int, int]) -> int:
        """What a word holds that was never written."""
        return rng(f"word {key}").getrandbits(32)

    async def _bus(self) -> None:
        """Takes an access and answers it, both after a while."""
        dut = self.dut
        while True:
            await FallingEdge(dut.clk)
            dut.bus_done.value = dut.bus_ready.value = 0
            if dut.rst.value == 1 or dut.bus_valid.value != 1:
                continue
            offered = self._access()
            for _ in range(self.rng.randint(0, self.delay)):
                await FallingEdge(dut.clk)
                if dut.rst.value == 1:
                    break
                assert dut.bus_valid.value == 1 and self._access() == offered
            else:
                dut.bus_ready.value = 1
                await FallingEdge(dut.clk)
                dut.bus_ready.value = 0
                for _ in range(self.rng.randint(0, self.delay)):
                    assert dut.bus_valid.value == 0
                    await FallingEdge(dut.clk)
                self._answer(*offered)

    def _access(self) -> tuple[int, int, int, int]:
        names = ("write", "space", "address", "wdata")
        write, space, address, data = (getattr(self.dut, f"bus_{name}").value for name in names)
        return int(write), int(space), int(address), int(data) if write == 1 else 0

    def _answer(self, write: int, space: int, address: int, data: int) -> None:
        assert address % WORD == 0 and address < self.sizes[Space(space)]
        key = space, address
        self.accesses += 1
        wrong = key in self.broken
        if write and not wrong:
            self.behind[key] = data
        self.dut.bus_done.value = 1
        self.dut.bus_error.value = int(wrong)
        self.dut.bus_rdata.value = self.rng.getrandbits(32) if write else self.behind.get(key, self.fresh(key))

    # What a host does.
    async def send(self, data: bytes, gap: int = 0, pace: int = PACE) -> None:
        """Bytes, `pace` cycles each and up to `gap` more."""
        dut = self.dut
        for value in data:
            await FallingEdge(dut.clk)
            dut.in_valid.value, dut.in_data.value = 1, value
            await FallingEdge(dut.clk)
            dut.in_valid.value, dut.in_data.value = 0, self.rng.getrandbits(8)
            await ClockCycles(dut.clk, pace - 2 + self.rng.randint(0, gap))

    def frame(self, command: int, address: int, count: int, payload: bytes = b"", tag: int | None = None) -> bytes:
        """Any request, legal or not."""
        self.tag = self.rng.randrange(256) if tag is None else tag
        head = bytes((0xA5, command, self.tag, count - 1)) + address.to_bytes(4, "little")
        return with_crc(head + payload)

    def random_request(
        self, space: Space | None = None, count: int | None = None, writes: bool | None = None
    ) -> Request:
        """A legal request of a few words or many, often at the end of its space."""
        generator = self.rng
        space = generator.choice(list(Space)) if space is None else space
        most = min(MAX_WORDS, self.sizes[space] // WORD)
        count = count or min(most, generator.choice((1, 2, generator.randint(1, 8), generator.randint(1, most), most)))
        last = self.sizes[space] // WORD - count
        place = generator.choice((0, last, generator.randint(0, last)))
        writes = generator.random() < 0.5 if writes is None else writes
        return Request(space, WORD * place, count, generator.randbytes(WORD * count) if writes else b"")

    def outcome(self, request: Request, tag: int) -> Response:
        """The answer by the model, which does what the request says."""
        read = b""
        for index in range(request.count):
            key = int(request.space), request.address + WORD * index
            if key in self.broken:
                return Response(Status.BUS, tag, request.count)
            if request.writes:
                self.words[key] = int.from_bytes(request.payload[WORD * index : WORD * (index + 1)], "little")
            else:
                read += self.words.get(key, self.fresh(key)).to_bytes(WORD, "little")
        return Response(Status.DONE, tag, request.count, read)

    async def expect(self, answers: list[Response], quiet: int = 100) -> None:
        """These answers come, bytes and all; nothing behind them; the words are those of the model."""
        data = b"".join(answer.encode() for answer in answers)
        if data:
            beats = await self.sink.receive(len(data), timeout=30_000)
            found = bytes(beat["data"] for beat in beats)
            parsed = ResponseParser().feed(found)
            assert found == data, f"{parsed}, expected {answers}"
        await ClockCycles(self.dut.clk, quiet)
        assert len(self.sink.received) == len(data), f"{len(self.sink.received) - len(data)} bytes too many"
        self.sink.clear()
        assert self.behind == self.words

    async def exchange(self, request: Request, gap: int = 0) -> None:
        """A legal request and its answer."""
        tag = self.rng.randrange(256)
        await self.send(request.encode(tag), gap)
        await self.expect([self.outcome(request, tag)], quiet=5)

    async def refused(self, status: Status, frame: bytes) -> None:
        """A frame that is answered with an error and touches nothing."""
        before = self.accesses
        await self.send(frame, pace=BYTE)
        await self.expect([Response(status, self.tag, frame[3] + 1)])
        assert self.accesses == before

    async def alive(self) -> None:
        """The next request is answered."""
        await self.exchange(self.random_request(count=1))

    async def counted(self, frames: int) -> None:
        """So many frames had a wrong CRC since reset."""
        await RisingEdge(self.dut.clk)
        assert int(self.dut.dropped.value) == frames


@cocotb.test()
async def requests(dut) -> None:
    """Reads and writes of every space, one word to all that a frame holds, under gaps and stalls everywhere."""
    bench = Bench(dut)
    await bench.begin()
    for space in Space:
        for writes in (True, False):
            await bench.exchange(bench.random_request(space, writes=writes))
            await bench.exchange(bench.random_request(space, 1, writes))
            await bench.exchange(bench.random_request(space, min(MAX_WORDS, bench.sizes[space] // WORD), writes))
    for _ in range(40 * ROUNDS):
        bench.delay = bench.rng.choice((0, 1, 3, 20))
        bench.sink.set_stall(bench.rng.choice(("none", "random", "periodic", "after_valid")))
        await bench.exchange(bench.random_request(), bench.rng.choice((0, 1, 20)))
    await bench.counted(0)


@cocotb.test()
async def times(dut) -> None:
    """19 cycles from the last byte to the bus; of an access and of a byte of the answer as documented."""
    bench = Bench(dut)
    await bench.begin()
    for count in (1, 2, 64):
        request = Request(Space.MEMORY, 0, count)
        await bench.send(request.encode(7)[:-1])
        await ClockCycles(dut.clk, 200)
        task = cocotb.start_soon(bench.send(request.encode(7)[-1:]))
        await RisingEdge(dut.in_valid)
        begun = bench.sink.cycle
        await RisingEdge(dut.bus_valid)
        assert bench.sink.cycle - begun == 19
        await bench.expect([bench.outcome(request, 7)])
        await task
        bench.sink.clear()
    await bench.send(request.encode(7))
    await bench.sink.receive(264)
    assert {b - a for a, b in zip(bench.sink.cycles, bench.sink.cycles[1:], strict=False)} == {12}


@cocotb.test()
async def errors(dut) -> None:
    """Every status: commands that are none, counts, addresses at both sides of every bound, errors of the bus."""
    bench = Bench(dut)
    await bench.begin()
    data = bench.rng.randbytes
    for command in (6, 7, 8, 9, 16, 32, 64, 128, 0xFE, 0xFF):
        await bench.refused(Status.COMMAND, bench.frame(command, 0, 2, data(8) if command & 1 else b""))
    for count in (65, 66, 128, 129, 200, 256):
        await bench.refused(Status.COUNT, bench.frame(0, 0, count))
        await bench.refused(Status.COUNT, bench.frame(1, 0, count, data(WORD * count)))
    for space in Space:
        size = bench.sizes[space]
        for writes in (0, 1):
            command = space << 1 | writes
            for address in (1, 2, 3, size - 1, size, size + 4, 2 * size, 1 << 31, (1 << 32) - 4, (1 << 32) - 1):
                await bench.refused(Status.ADDRESS, bench.frame(command, address, 1, data(4) if writes else b""))
            for count in (2, 5, 8):
                payload = data(WORD * count) if writes else b""
                for address in (size - WORD * (count - 1), (1 << 32) - WORD * (count - 1)):
                    await bench.refused(Status.ADDRESS, bench.frame(command, address, count, payload))
                await bench.exchange(Request(space, size - WORD * count, count, payload))
    for place in (0, 3, 7):
        bench.broken = {(int(Space.MEMORY), 0x100 + WORD * place)}
        for payload in (b"", data(32)):
            before = bench.accesses
            await bench.exchange(Request(Space.MEMORY, 0x100, 8, payload))
            assert bench.accesses == before + place + 1
    await bench.counted(0)


@cocotb.test()
async def damage(dut) -> None:
    """A wrong bit anywhere behind the first byte: no answer, nothing changes, it is counted."""
    bench = Bench(dut)
    await bench.begin()
    damaged = 0
    for writes in (False, True):
        frame = bench.random_request(count=2, writes=writes).encode(9)
        fields = [bit for bit in range(8, 8 * len(frame)) if not 24 <= bit < 32 and bit != 8]  # those keep the length
        for bit in fields if ROUNDS > 1 else bench.rng.sample(fields, 40):
            wrong = bytearray(frame)
            wrong[bit // 8] ^= 1 << bit % 8
            before = bench.accesses
            await bench.send(bytes(wrong))
            await bench.expect([], quiet=BYTE * len(frame) + 30)
            damaged += 1
            assert bench.accesses == before
            await bench.counted(damaged)
        await bench.alive()
    for bit in (8, 24, 27):  # another length: it ends with the bytes that follow, or never
        wrong = bytearray(bench.random_request(Space.MEMORY, 3, writes=True).encode(9))
        wrong[bit // 8] ^= 1 << bit % 8
        await bench.send(bytes(wrong))
        await bench.expect([], quiet=BYTE * len(wrong) + bench.timeout + 30)
        await bench.alive()


@cocotb.test()
async def garbage(dut) -> None:
    """Bytes that are no frame before one; a first byte among them costs a rest."""
    bench = Bench(dut)
    await bench.begin()
    for turn in range(20 * ROUNDS):
        noise = bytes(value for value in bench.rng.randbytes(bench.rng.randint(1, 40)) if value != 0xA5)
        if turn % 2:
            noise += b"\xa5" + bytes(bench.rng.randint(0, 6))
        await bench.send(noise)
        if turn % 2:
            await ClockCycles(dut.clk, BYTE * len(noise) + bench.timeout + 30)
        await bench.alive()
    await bench.counted(0)


@cocotb.test()
async def cut_frames(dut) -> None:
    """Frames without their end are dropped after a while and not before."""
    bench = Bench(dut)
    await bench.begin()
    for writes in (False, True):
        frame = bench.random_request(Space.MEMORY, 2, writes).encode(3)
        lengths = range(1, len(frame))
        for length in lengths if ROUNDS > 1 else bench.rng.sample(lengths, 6):
            await bench.send(frame[:length])
            await ClockCycles(dut.clk, BYTE * length + bench.timeout + 30)
            await bench.alive()
    request = bench.random_request(count=2, writes=True)
    frame = request.encode(4)
    await bench.send(frame[:5])
    await ClockCycles(dut.clk, bench.timeout - 30)
    await bench.send(frame[5:])
    await bench.expect([bench.outcome(request, 4)])
    await bench.counted(0)


@cocotb.test()
async def queued(dut) -> None:
    """Requests sent before the answers to those before: each is answered, in order, while no more wait than fit."""
    bench = Bench(dut)
    await bench.begin()
    for turn in range(4 * ROUNDS):
        bench.sink.set_stall(("none", "random")[turn % 2])
        bench.delay = turn % 3
        answers: list[Response] = []
        size = 0
        while True:
            request = bench.random_request()
            size += len(request.encode(0))
            if size > QUEUE:
                break
            tag = len(answers)
            answers.append(bench.outcome(request, tag))
            await bench.send(request.encode(tag))
        await bench.expect(answers)
    writes = [bench.random_request(Space.MEMORY, MAX_WORDS, writes=True) for _ in range(6)]
    bench.sink.set_stall("none")
    for tag, request in enumerate(writes):  # at the pace of a line, for ever
        await bench.send(request.encode(tag), 30)
    await bench.expect([bench.outcome(request, tag) for tag, request in enumerate(writes)])
    await bench.counted(0)


@cocotb.test()
async def too_many_bytes(dut) -> None:
    """Bytes beyond the queue are lost, and none of a frame that is whole is overwritten."""
    bench = Bench(dut)
    await bench.begin()
    bench.sink.pause(20_000)
    request = bench.random_request(Space.MEMORY, 2, writes=True)
    frame = request.encode(0)
    await bench.send(frame)
    await bench.send(bytes(QUEUE - len(frame)))
    await bench.send(frame)
    await bench.send(b"\xa5" * 100)
    await bench.expect([bench.outcome(request, 0), bench.outcome(request, 0)], quiet=bench.timeout + 30)
    await bench.alive()


@cocotb.test()
async def resets(dut) -> None:
    """At any time of a frame, in or out: nothing of it is left."""
    bench = Bench(dut)
    await bench.begin()
    for _ in range(25 * ROUNDS):
        request = bench.random_request(Space.MEMORY, 4, writes=bench.rng.random() < 0.3)
        task = cocotb.start_soon(bench.send(request.encode(1)))
        await ClockCycles(dut.clk, bench.rng.randrange(600))
        task.cancel()
        await FallingEdge(dut.clk)
        dut.in_valid.value = 0
        await reset(dut, bench.sink)
        await ClockCycles(dut.clk, 3)
        bench.words = dict(bench.behind)  # of a write any number of words may be done
        bench.sink.clear()
        await bench.expect([], quiet=20)
        await bench.alive()
