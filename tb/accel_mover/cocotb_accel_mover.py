# SPDX-License-Identifier: Apache-2.0
"""Mover of data against a model: memory of random latency and gaps, a weight ring that fills and empties, activation
memory, constants and tokens.

One coroutine is the whole neighbourhood. It samples at the rising clock edge, compares every transfer with the
instruction that is to be executed, and drives at the falling edge. An instruction has ended when all its words have
moved (and memory has acknowledged them): nothing of the next one may be seen before, and its token comes a cycle later.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import repeat
from random import Random

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge

from streams import STALLS, go_pattern, rng, start

ACTIVATIONS, WEIGHTS, CONSTANTS = range(3)
KEPT = 8  # words of the activation memory that are fetched and not sent
LIMIT = 4096  # words of a write request
UNACKNOWLEDGED = 128  # write requests
MASK = (1 << 64) - 1
SIDES = ("in", "read", "data", "write", "fetch", "wr", "wdata", "token", "release")
OUTPUTS = ("busy", "token_take", "token_give", "read_valid", "wr_valid", "wdata_valid", "fetch_valid")


@dataclass
class Move:
    """An instruction and how far it is."""

    memory: int
    words: int
    place: int
    store: bool = False
    target: int = ACTIVATIONS
    wait: bool = False
    signal: bool = False
    burst: int = 0
    gap: int = 0
    part: int = 0
    taken: bool = False
    requested: int = 0  # words
    moved: int = 0  # words
    slices: int = 0  # of the word of 64 bits that is at the input
    fetched: int = 0  # words of the activation memory

    def at(self, index: int) -> int:
        """Where word `index` lies in the activation memory."""
        return self.place + index + (index // self.burst * self.gap if self.burst else 0)

    def is_beyond(self, index: int, width: int) -> bool:
        """Word `index` is beyond 2^width words, counted from the one before, of which 16 bits are kept."""
        if not index:
            return self.place >> width > 0
        return (self.at(index - 1) % 2**16 + self.at(index) - self.at(index - 1)) >> width > 0

    unacknowledged: int = 0  # requests
    requests: list[int] = field(default_factory=list)  # their words

    @property
    def ended(self) -> bool:
        return self.moved == self.words and not self.unacknowledged


class Bench:
    """Memory, on-chip memories and tokens around the block.

    latency: of memory, at least and at most. fetch_latency: of the activation memory. acknowledge: cycles from the last
    word of a write to `wdone`. tile: words that the ring holds before it releases any, at least and at most.
    cycles: when something was transferred, by the name of the stream.
    """

    def __init__(self, dut) -> None:
        self.dut = dut
        self.cols, self.chunk = int(dut.COLS.value), int(dut.CHUNK.value)
        self.beats = self.cols // 8
        self.width = len(dut.write_data) // 8
        self.rows = self.cols // self.width
        self.place_width, self.const_width = int(dut.ADDR_W.value), int(dut.CONST_W.value)
        self.place_mask, self.const_mask = (1 << self.place_width) - 1, (1 << self.const_width) - 1
        self.outside = False  # a word beyond the on-chip memory is read or written in this cycle
        self.told = 0  # how often
        self.ring = 1 << int(dut.ROOM_W.value) - 1
        self.generator = rng("mover")
        self.latency, self.fetch_latency, self.acknowledge, self.tile = (1, 1), (1, 1), (1, 1), (1, 1)
        self.external: dict[int, int] = {}
        self.activations: dict[int, int] = {}
        self.patterns = dict.fromkeys(SIDES, repeat(True))
        self.free_tokens = True
        self.clear()

    def clear(self) -> None:
        """As after reset."""
        self.queue: deque[Move] = deque()  # not taken by the block
        self.pending: deque[Move] = deque()  # taken
        self.reads: deque[list[int]] = deque()  # address, words left, cycle of the first
        self.writes: deque[list[int]] = deque()  # address, words left
        self.acknowledged: deque[int] = deque()  # cycles
        self.fetches: deque[tuple[int, int]] = deque()  # cycle, word
        self.held = self.need = self.tokens = self.given = 0
        self.releasing = False
        self.give_at = -1
        self.waiting: dict[str, tuple[int, ...]] = {}
        self.driven: dict[str, int] = dict.fromkeys(("in", "data", "read", "write", "fetch", "wr", "wdata", "done"), 0)
        self.cycles: dict[str, list[int]] = {name: [] for name in (*SIDES, "give", "const", "weight", "done")}
        self.cycle = 0
        self.weights_left = 0

    async def begin(self) -> None:
        dut = self.dut
        inputs = dict.fromkeys(
            ("in_valid", "in_store", "in_wait", "in_signal", "in_target", "in_memory", "in_words", "in_place",
             "in_burst", "in_gap", "in_part", "token", "read_ready", "data_valid", "data", "weight_ready",
             "write_ready", "fetch_ready", "fetched_valid", "fetched_word", "wr_ready", "wdata_ready",
             "wdone"), 0)  # fmt: skip
        await start(dut, low=OUTPUTS, weight_room=self.ring, **inputs)
        cocotb.start_soon(self.run())

    def stall(self, pattern: str) -> None:
        """Another stall pattern on every side."""
        self.patterns = {side: go_pattern(pattern, self.generator) for side in SIDES}

    def send(self, *moves: Move) -> None:
        self.queue.extend(moves)
        self.weights_left += sum(m.words for m in moves if m.target == WEIGHTS and not m.store)

    async def finish(self, timeout: int = 20_000) -> None:
        """Wait until everything has ended, at most so long without a transfer, and see that nothing follows."""
        progress, limit = None, self.cycle + timeout
        while self.queue or self.pending:
            await RisingEdge(self.dut.clk)
            now = (len(self.queue), len(self.pending), self.pending[0].moved if self.pending else 0)
            if now != progress:
                progress, limit = now, self.cycle + timeout
            assert self.cycle < limit, f"nothing moves for {timeout} cycles: {self.pending[0]}"
        await ClockCycles(self.dut.clk, 5)
        assert not self.dut.busy.value

    def word(self, address: int) -> int:
        """Of memory; random where nothing was stored."""
        return self.external.setdefault(address, self.generator.getrandbits(64))

    def activation(self, place: int) -> int:
        return self.activations.setdefault(place, self.generator.getrandbits(8 * self.cols))

    async def run(self) -> None:
        rising, falling = RisingEdge(self.dut.clk), FallingEdge(self.dut.clk)
        while True:
            await rising
            if self.dut.rst.value:
                self.clear()
            else:
                self.cycle += 1
                self.sample()
            await falling
            self.drive()

    def flag(self, name: str) -> bool:
        value = getattr(self.dut, name).value
        assert value.is_resolvable, f"{name} is {value}"
        return bool(value)

    def value(self, name: str) -> int:
        return int(getattr(self.dut, name).value)

    def offered(self, stream: str, payload: tuple[str, ...]) -> tuple[int, ...] | None:
        """Payload of a stream if it is valid; it may not change before it is taken."""
        before = self.waiting.pop(stream, None)
        if not self.flag(f"{stream}_valid"):
            assert before is None, f"{stream}_valid fell"
            return None
        now = tuple(self.value(name) for name in payload)
        assert before is None or before == now, f"{stream} changed from {before} to {now} while it waited"
        if not self.driven[stream]:
            self.waiting[stream] = now
        return now

    def log(self, stream: str) -> None:
        self.cycles[stream].append(self.cycle)

    def current(self, what: str) -> Move:
        """The instruction in execution."""
        assert self.pending, f"{what} without an instruction"
        move = self.pending[0]
        assert move.taken or not move.wait, f"{what} before the token"
        return move

    def sample(self) -> None:
        if self.flag("token_take"):
            move = self.pending[0]
            assert self.tokens and move.wait and not move.taken, f"a token is taken for {move}"
            move.taken = True
            self.tokens -= 1
        give = self.flag("token_give")
        assert give == (self.give_at == self.cycle), f"token_give is {give}"
        if give:
            self.log("give")
        assert self.flag("busy") or not self.pending
        self.outside = False
        self.sample_requests()
        self.sample_loads()
        self.sample_stores()
        assert self.flag("outside") == self.outside, f"outside is {not self.outside}"
        self.told += self.outside
        if self.pending and self.pending[0].ended:
            self.give_at = self.cycle + 1 if self.pending.popleft().signal else -1
        if self.driven["in"] and self.flag("in_ready"):
            self.pending.append(self.queue.popleft())
            self.driven["in"] = 0
            self.log("in")

    def sample_requests(self) -> None:
        for stream, limit in (("read", self.chunk), ("wr", LIMIT)):
            request = self.offered(stream, (f"{stream}_address", f"{stream}_words"))
            if request is None:
                continue
            move = self.current(stream)
            left = move.words - move.requested
            assert move.store == (stream == "wr") and left, f"{stream} for {move}"
            address, words = request
            assert address == (move.memory + 8 * move.requested) % 2**32, f"{stream} address {address:#x} for {move}"
            underway, room = move.requested - move.moved, self.ring - self.held
            if move.store or move.target != WEIGHTS or words == min(limit, left):
                assert words == min(limit, left), f"{words} words for {move}"
            else:
                assert 1 <= words < min(limit, left) and not underway, f"{words} words for {move}"
            if not move.store and move.target == WEIGHTS:
                assert underway + words <= room, f"{words} words, {underway} underway, room for {room}"
            if self.driven[stream]:
                move.requested += words
                move.requests.append(words)
                self.log(stream)
                if move.store:
                    move.unacknowledged += 1
                    assert move.unacknowledged <= UNACKNOWLEDGED
                    self.writes.append([address, words])
                else:
                    self.reads.append([address, words, self.cycle + self.generator.randint(*self.latency)])

    def sample_loads(self) -> None:
        valid = bool(self.driven["data"])
        move = self.current("data") if valid else None
        target = move.target if move else None
        assert self.flag("weight_valid") == (target == WEIGHTS)
        assert self.flag("const_write") == (target == CONSTANTS)
        write = self.offered("write", ("write_rows", "write_address", "write_data"))
        assert (write is not None) == (target == ACTIVATIONS)
        if move is None:
            return
        ready, taken = self.flag("data_ready"), True
        data = self.value("data")
        if target == WEIGHTS:
            assert self.held < self.ring, "weights stand in the read channel"
            self.held += 1
            self.weights_left -= 1
            self.log("weight")
        elif target == CONSTANTS:
            assert self.value("const_address") == move.at(move.moved) & self.const_mask
            self.outside |= move.is_beyond(move.moved, self.const_width)
            self.log("const")
        else:
            slices, beats = 8 // self.width, move.part or self.beats
            number = move.moved % beats * slices + move.slices
            place = move.at(move.moved // beats) & self.place_mask
            self.outside |= move.is_beyond(move.moved // beats, self.place_width)
            shift = 8 * self.width
            wanted = (1 << number, place, data >> shift * move.slices & (1 << shift) - 1)
            assert write == wanted, f"{write}, not {wanted}"
            taken = False
            if self.driven["write"]:
                mask = (1 << shift) - 1 << shift * number
                self.activations[place] = self.activation(place) & ~mask | wanted[2] << shift * number
                move.slices += 1
                taken = move.slices == slices
                self.log("write")
        assert ready == taken
        if taken:
            move.slices = 0
            move.moved += 1
            read = self.reads[0]
            read[0], read[1] = (read[0] + 8) % 2**32, read[1] - 1
            if not read[1]:
                self.reads.popleft()
            self.driven["data"] = 0
            self.log("data")

    def sample_stores(self) -> None:
        fetch = self.offered("fetch", ("fetch_address",))
        if fetch is not None:
            move = self.current("fetch")
            beats = move.part or self.beats
            assert move.store and len(self.fetches) < KEPT and move.fetched * beats < move.words, f"fetch for {move}"
            assert fetch[0] == move.at(move.fetched) & self.place_mask
            self.outside |= move.is_beyond(move.fetched, self.place_width)
            assert move.fetched - move.moved // beats < KEPT, f"{KEPT} words are kept"
            if self.driven["fetch"]:
                move.fetched += 1
                delay = self.generator.randint(*self.fetch_latency)
                last = self.fetches[-1][0] if self.fetches else 0
                self.fetches.append((max(last + 1, self.cycle + delay), self.activation(fetch[0])))
                self.log("fetch")
        data = self.offered("wdata", ("wdata",))
        if data is not None:
            move = self.current("wdata")
            beats = move.part or self.beats
            assert move.moved < move.requested, "data before their request"
            place = move.at(move.moved // beats) & self.place_mask
            assert data[0] == self.activation(place) >> 64 * (move.moved % beats) & MASK, f"word {move.moved}"
            if self.driven["wdata"]:
                move.moved += 1
                write = self.writes[0]
                self.external[write[0]] = data[0]
                write[0], write[1] = (write[0] + 8) % 2**32, write[1] - 1
                if not write[1]:
                    self.writes.popleft()
                    last = self.acknowledged[-1] if self.acknowledged else 0
                    self.acknowledged.append(max(last, self.cycle) + self.generator.randint(*self.acknowledge))
                self.log("wdata")
        if self.driven["done"]:
            self.acknowledged.popleft()
            self.pending[0].unacknowledged -= 1
            self.log("done")

    def drive(self) -> None:
        dut, driven, go = self.dut, self.driven, {side: next(p) for side, p in self.patterns.items()}
        if not driven["in"]:
            driven["in"] = int(bool(self.queue) and go["in"])
            move = self.queue[0] if driven["in"] else None
            dut.in_valid.value = driven["in"]
            if move:
                dut.in_store.value, dut.in_wait.value = int(move.store), int(move.wait)
                dut.in_signal.value, dut.in_target.value = int(move.signal), move.target
                dut.in_memory.value, dut.in_words.value, dut.in_place.value = move.memory, move.words, move.place
                dut.in_burst.value, dut.in_gap.value, dut.in_part.value = move.burst, move.gap, move.part
            else:
                dut.in_memory.value, dut.in_words.value = self.generator.getrandbits(32), self.generator.getrandbits(24)
        if not driven["data"]:
            driven["data"] = int(bool(self.reads) and self.reads[0][2] <= self.cycle + 1 and go["data"])
            dut.data_valid.value = driven["data"]
            dut.data.value = self.word(self.reads[0][0]) if driven["data"] else self.generator.getrandbits(64)
        for side in ("read", "write", "fetch", "wr"):
            driven[side] = int(go[side])
            getattr(dut, f"{side}_ready").value = driven[side]
        driven["wdata"] = int(bool(self.writes) and go["wdata"])
        dut.wdata_ready.value = driven["wdata"]
        driven["done"] = int(bool(self.acknowledged) and self.acknowledged[0] <= self.cycle + 1)
        dut.wdone.value = driven["done"]
        arrives = bool(self.fetches) and self.fetches[0][0] <= self.cycle + 1
        dut.fetched_valid.value = int(arrives)
        dut.fetched_word.value = self.fetches.popleft()[1] if arrives else self.generator.getrandbits(8 * self.cols)
        self.release(go["release"])
        dut.weight_room.value, dut.weight_ready.value = self.ring - self.held, int(self.held < self.ring)
        if self.free_tokens and not self.tokens and go["token"]:
            self.tokens = 1
        dut.token.value = int(self.tokens > 0)

    def release(self, go: bool) -> None:
        """The ring holds a row tile until it is complete, then releases it word by word."""
        if not self.need:
            self.need = min(self.generator.randint(*self.tile), self.held + self.weights_left)
            self.releasing = False
        self.releasing = self.releasing or 0 < self.need <= self.held
        if self.releasing and go:
            self.held -= 1
            self.need -= 1


def random_move(bench: Bench, generator: Random) -> Move:
    """Words around the sizes that matter, aligned to nothing."""
    sizes = (1, 2, bench.beats, bench.beats + 1, bench.chunk - 1, bench.chunk, bench.chunk + 1, 2 * bench.chunk)
    words = generator.choice((*sizes, generator.randint(1, 3 * bench.chunk)))
    store = generator.random() < 0.3
    return Move(
        memory=8 * generator.choice((generator.getrandbits(5), generator.getrandbits(29))),
        words=min(words, 30 * bench.beats) if store else words,
        place=generator.choice((generator.getrandbits(16), 2**16 - 1, bench.place_mask)),
        store=store,
        target=generator.randrange(3),
        wait=generator.random() < 0.3,
        signal=generator.random() < 0.3,
        burst=generator.choice((0, 1, 2, 3)),
        gap=generator.choice((0, 1, 5, generator.getrandbits(16))),
        part=generator.choice((0, 0, generator.randrange(bench.beats))),
    )


@cocotb.test()
async def random_programs(dut) -> None:
    """Any instructions back to back, under every stall pattern."""
    bench = Bench(dut)
    await bench.begin()
    for pattern in STALLS:
        bench.stall(pattern)
        slow = pattern != "none"
        bench.latency = bench.acknowledge = (1, 40) if slow else (1, 1)
        bench.fetch_latency = (1, 13) if slow else (1, 1)
        bench.tile = (1, bench.ring) if slow else (1, 1)
        bench.send(*(random_move(bench, bench.generator) for _ in range(20)))
        await bench.finish()
    assert bench.told


@cocotb.test()
async def edges(dut) -> None:
    """The last word of a memory is inside, the one behind it is not, by whatever step."""
    bench = Bench(dut)
    await bench.begin()
    beats, last = bench.beats, bench.place_mask
    for is_store, target, place, words, gap, outside in (
        (False, ACTIVATIONS, last - 1, 2 * beats, 0, False),
        (False, ACTIVATIONS, last - 1, 3 * beats, 0, True),
        (False, ACTIVATIONS, 5, 2 * beats, last - 6, False),
        (False, ACTIVATIONS, 5, 2 * beats, last - 5, True),
        (False, ACTIVATIONS, 2**16 - 1, 2 * beats, 0, True),
        (False, CONSTANTS, bench.const_mask - 1, 2, 0, False),
        (False, CONSTANTS, bench.const_mask - 1, 3, 0, True),
        (True, ACTIVATIONS, last - 1, 2 * beats, 0, False),
        (True, ACTIVATIONS, last - 1, 2 * beats + 1, 0, True),
        (False, WEIGHTS, 2**16 - 1, 3, 0, False),
    ):
        bench.told = 0
        bench.send(Move(8, words, place, is_store, target, burst=1 if gap else 0, gap=gap))
        await bench.finish()
        assert (bench.told > 0) == outside, (is_store, target, place, words, gap)


@cocotb.test()
async def row_tiles_as_large_as_the_ring(dut) -> None:
    """Weights go on to the last word of the ring, wherever the requests before have ended."""
    bench = Bench(dut)
    bench.latency = (5, 5)
    await bench.begin()
    for pattern in ("none", "random"):
        bench.stall(pattern)
        for tile in (bench.ring, bench.ring - 1, bench.ring - bench.chunk // 2):
            bench.tile = (tile, tile)
            bench.send(Move(64, 3 * tile, 0, target=WEIGHTS), Move(8, 3, 5))
            await bench.finish(2000)


@cocotb.test()
async def weights_stream(dut) -> None:
    """A word a cycle through a ring that holds nothing back, in whole chunks."""
    bench = Bench(dut)
    await bench.begin()
    move = Move(0, 8 * bench.chunk, 0, target=WEIGHTS)
    bench.send(move)
    await bench.finish()
    assert move.requests == [bench.chunk] * 8
    if bench.ring >= 2 * bench.chunk:
        assert bench.cycles["weight"] == list(range(bench.cycles["weight"][0], bench.cycles["weight"][0] + move.words))


@cocotb.test()
async def latency_and_rate(dut) -> None:
    """Cycles of loads and stores when nothing waits."""
    bench = Bench(dut)
    bench.fetch_latency = bench.acknowledge = (12, 12)
    await bench.begin()
    per_word = 8 // bench.width
    for target in (ACTIVATIONS, CONSTANTS):
        move = Move(8, 3 * bench.chunk + 1, 3, target=target, signal=True)
        bench.send(move)
        await bench.finish()
        assert move.requests == [bench.chunk] * 3 + [1]
        taken, steps = bench.cycles["data"], per_word if target == ACTIVATIONS else 1
        assert taken == list(range(taken[0], taken[0] + steps * len(taken), steps))
        assert bench.cycles["read"][:2] == [bench.cycles["in"][0] + 3, bench.cycles["in"][0] + 5]
        assert bench.cycles["give"] == [taken[-1] + 1]
        bench.cycles = {name: [] for name in bench.cycles}
    count = 3 * KEPT + 2
    for part in range(bench.beats):
        beats = part or bench.beats
        bench.cycles = {name: [] for name in bench.cycles}
        bench.send(Move(8, count * beats, 3, store=True, signal=True, part=part))
        await bench.finish()
        assert bench.cycles["wr"] == [bench.cycles["in"][0] + 3]
        begin = bench.cycles["in"][0] + 2
        fetches, words = [], []  # cycles of the fetches and of the first words of 64 bits
        for index in range(count):
            spent = words[index - KEPT] + beats if index >= KEPT else begin
            fetches.append(max(spent, fetches[-1] + 1 if fetches else begin))
            words.append(max(fetches[-1] + 12 + KEPT, words[-1] + beats if words else 0))
        assert bench.cycles["fetch"] == fetches
        assert bench.cycles["wdata"] == [word + i for word in words for i in range(beats)]
        if beats >= 3:
            assert words[-1] - words[0] == beats * (count - 1), "not a word of 64 bits a cycle"
        assert bench.cycles["give"] == [bench.cycles["done"][-1] + 1]


@cocotb.test()
async def tokens(dut) -> None:
    """Without a token nothing happens, nor to what stands behind; a token starts one instruction."""
    bench = Bench(dut)
    bench.free_tokens = False
    await bench.begin()
    moves = [
        Move(0, 2, 0, signal=True),
        Move(8, 3, 1, wait=True, store=True, signal=True),
        Move(16, 4, 2, wait=True),
        Move(24, 5, 3, target=CONSTANTS, signal=True),
    ]
    bench.send(*moves)
    for tokens, ended in ((0, 1), (1, 2), (1, 4)):
        bench.tokens += tokens
        await ClockCycles(dut.clk, 150)
        assert dut.busy.value == (ended < 4)
        assert [move.ended for move in moves] == [i < ended for i in range(4)]
        assert not any(move.requested for move in moves[ended:])
    assert len(bench.cycles["give"]) == 3


@cocotb.test()
async def many_instructions(dut) -> None:
    """More of them than the queue holds, of one word each, all with tokens."""
    bench = Bench(dut)
    await bench.begin()
    for pattern in STALLS:
        bench.stall(pattern)
        moves = [Move(8 * i, 1, i, store=i % 3 == 1, target=i % 3, wait=True, signal=True) for i in range(30)]
        bench.send(*moves)
        await bench.finish()
        assert len(bench.cycles["give"]) == len(moves)
        bench.cycles["give"] = []


@cocotb.test()
async def long_store(dut) -> None:
    """Requests of 4096 words and what is left, memory slow to acknowledge."""
    bench = Bench(dut)
    bench.acknowledge = (3000, 3000)
    await bench.begin()
    move = Move(2**32 - 4096, LIMIT + 9, 7, store=True, signal=True)
    bench.send(move, Move(0, 1, 0))
    await bench.finish()
    assert move.requests == [LIMIT, 9]


@cocotb.test()
async def write_requests_waiting(dut) -> None:
    """At most 128 of them wait for their acknowledgement, however many memory takes."""
    bench = Bench(dut)
    await bench.begin()
    bench.patterns["wdata"] = repeat(False)
    bench.send(Move(0, 2**24 - 1, 0, store=True))
    await ClockCycles(dut.clk, 600)
    assert bench.pending[0].requests == [LIMIT] * UNACKNOWLEDGED


@cocotb.test()
async def reset_in_the_middle(dut) -> None:
    """Whatever was queued, underway or half written is forgotten, and what follows is right."""
    bench = Bench(dut)
    await bench.begin()
    for _ in range(25):
        bench.stall(bench.generator.choice(STALLS))
        bench.latency = bench.acknowledge = bench.fetch_latency = (1, 6)
        bench.tile = (1, bench.ring)
        bench.send(*(random_move(bench, bench.generator) for _ in range(6)))
        await ClockCycles(dut.clk, bench.generator.randint(1, 100))
        await FallingEdge(dut.clk)
        dut.rst.value = 1
        await ClockCycles(dut.clk, bench.generator.randint(1, 2))
        await FallingEdge(dut.clk)
        dut.rst.value = 0
        bench.send(*(random_move(bench, bench.generator) for _ in range(2)))
        bench.send(Move(0, 2, 0, store=True, signal=True))
        await bench.finish()
