# SPDX-License-Identifier: Apache-2.0
"""A host at the serial line of a simulated board: requests and their answers, and a transport for the driver."""

from __future__ import annotations

from typing import Any

from cocotb.triggers import ClockCycles, FallingEdge

from shiftwork.board.frames import MAX_WORDS, WORD, BoardWord, Request, Response, ResponseParser, Space, Status
from uart_line import LineReceiver, LineSender

CLOCK = 10_000  # ps


class BoardError(AssertionError):
    """An answer that is no success.

    Attributes:
        status: of it.
    """

    def __init__(self, status: Status) -> None:
        self.status = status
        super().__init__(f"the board answers {status.name}")


class Host:
    """Both directions of a line, and `shiftwork.device.driver.AsyncTransport` over it.

    dut: has clk, uart_rx, uart_tx and CLOCKS_PER_BIT; clocks of 10 ns. parser: of what the board sends.
    patience: cycles without a byte after which an answer is given up.
    """

    def __init__(self, dut: Any, patience: int = 5000) -> None:
        self.dut, self.patience = dut, patience
        bit = CLOCK * int(dut.CLOCKS_PER_BIT.value)
        self.sender = LineSender(dut.uart_rx, bit)
        self.receiver = LineReceiver(dut.uart_tx, bit)
        self.parser = ResponseParser()
        self.tag = 0
        self.seen = 0
        self.answers: dict[int, Response] = {}

    def _take(self) -> None:
        """What has come since the last time."""
        data = bytes(self.receiver.received[self.seen :])
        self.seen += len(data)
        for answer in self.parser.feed(data):
            assert answer.tag in self.parser.expected and answer.tag not in self.answers
            self.answers[answer.tag] = answer

    async def ask(self, *requests: Request) -> list[Response]:
        """Requests, sent one behind the other, and their answers."""
        tags = []
        for request in requests:
            self.tag = (self.tag + 1) % 256
            tags.append(self.tag)
            self.parser.expected[self.tag] = request
            await self.sender.send(request.encode(self.tag))
        quiet = 0
        while not all(tag in self.answers for tag in tags):
            before = len(self.receiver.received)
            await ClockCycles(self.dut.clk, 10)
            quiet = 0 if len(self.receiver.received) != before else quiet + 10
            assert quiet < self.patience, "no answer"
            self._take()
        for tag in tags:
            del self.parser.expected[tag]
        assert not self.parser.skipped, "bytes that are no answer"
        return [self.answers.pop(tag) for tag in tags]

    async def done(self, *requests: Request) -> bytes:
        """The same; what was read. Raises BoardError where one is no success."""
        payload = b""
        for answer in await self.ask(*requests):
            if answer.status != Status.DONE:
                raise BoardError(answer.status)
            payload += answer.payload
        return payload

    async def word(self, space: Space, address: int) -> int:
        """One word."""
        return int.from_bytes(await self.done(Request(space, address, 1)), "little")

    async def board_word(self, which: BoardWord) -> int:
        """A word of what the board says of itself."""
        return await self.word(Space.BOARD, WORD * which)

    async def reset(self, cycles: int = 1) -> None:
        """Reset of the board; what the line carried is forgotten."""
        dut = self.dut
        await FallingEdge(dut.clk)
        dut.rst.value = 1
        await ClockCycles(dut.clk, cycles)
        await FallingEdge(dut.clk)
        dut.rst.value = 0
        self.receiver.task.cancel()
        self.receiver = LineReceiver(dut.uart_tx, self.receiver.bit)
        self.parser, self.answers, self.seen = ResponseParser(), {}, 0

    # The transport of the driver.

    async def read32(self, offset: int) -> int:
        return await self.word(Space.REGISTERS, offset)

    async def write32(self, offset: int, value: int) -> None:
        await self.done(Request(Space.REGISTERS, offset, 1, value.to_bytes(WORD, "little")))

    async def read_memory(self, address: int, size: int) -> bytes:
        step = WORD * MAX_WORDS
        return b"".join(
            [
                await self.done(Request(Space.MEMORY, address + at, min(step, size - at) // WORD))
                for at in range(0, size, step)
            ]
        )

    async def write_memory(self, address: int, data: bytes) -> None:
        step = WORD * MAX_WORDS
        parts = [(at, data[at : at + step]) for at in range(0, len(data), step)]
        await self.done(*(Request(Space.MEMORY, address + at, len(part) // WORD, part) for at, part in parts))

    async def wait(self) -> None:
        await ClockCycles(self.dut.clk, 500)
