# SPDX-License-Identifier: Apache-2.0
"""Frames between a host and a board (``shw_host_bridge``), as bytes. Numbers are little endian.

Request:   ``A5, command, tag, count - 1, address[4], payload (writes: 4 * count bytes), crc[4]``
Response:  ``5A, status, tag, count - 1, payload (successful reads: 4 * count bytes), crc[4]``

The CRC is CRC-32 (IEEE) of all bytes before it. Bit 0 of a command says that it writes, bits 2..1 name the space.
A response does not say whether it answers a read or a write: who asked knows it by the tag.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from enum import IntEnum

from shiftwork.errors import ShiftworkError

REQUEST, RESPONSE = 0xA5, 0x5A
"""The first byte of a frame."""
WORD = 4
"""Bytes of a word."""
MAX_WORDS = 64
"""Words that a frame moves at most."""
CRC = 4
"""Bytes of the checksum."""
REQUEST_HEAD, RESPONSE_HEAD = 8, 4
"""Bytes before the payload."""
MAGIC = 0x5348_5742
"""What word 0 of the space BOARD holds: SHWB."""
PROTOCOL = 1
"""Version of the frames."""


class Space(IntEnum):
    """Where a word lies."""

    MEMORY = 0
    REGISTERS = 1
    BOARD = 2


class BoardWord(IntEnum):
    """Words of the space BOARD, which are read only; the address is four times as much."""

    MAGIC = 0
    PROTOCOL = 1
    KIND = 2
    """Bits 15..0: number of the board, 31..16: kind of the system."""
    CLOCK = 3
    """In kHz."""
    MEMORY = 4
    """In bytes."""
    CLOCKS_PER_BIT = 5
    DROPPED = 6
    """Frames dropped for a wrong checksum, saturating."""
    RELEASE = 7
    """Major, minor and patch of the package, 8 bits each."""


class Status(IntEnum):
    """How a request ended."""

    DONE = 0
    COMMAND = 1
    ADDRESS = 2
    COUNT = 3
    BUS = 4


STATUS_WORDS = {
    Status.DONE: "done",
    Status.COMMAND: "unknown command",
    Status.ADDRESS: "an address that is not aligned or outside",
    Status.COUNT: "too many words",
    Status.BUS: "the bus answers with an error",
}


def with_crc(body: bytes) -> bytes:
    """A frame: its bytes and their checksum."""
    return body + zlib.crc32(body).to_bytes(CRC, "little")


def is_whole(frame: bytes) -> bool:
    """Whether the checksum at the end of a frame is right."""
    return len(frame) > CRC and with_crc(frame[:-CRC]) == frame


@dataclass(frozen=True)
class Request:
    """Words to read or to write.

    Attributes:
        space: of them. address: byte address of the first one, a multiple of 4.
        count: words, 1..64. payload: of a write, 4 * count bytes; empty: a read.
    """

    space: Space
    address: int
    count: int
    payload: bytes = b""

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MAX_WORDS or self.address % WORD or not 0 <= self.address < 1 << 32:
            raise ShiftworkError(f"no frame holds {self.count} words at {self.address:#x}")
        if len(self.payload) not in (0, WORD * self.count):
            raise ShiftworkError(f"{len(self.payload)} bytes are not {self.count} words")

    @property
    def writes(self) -> bool:
        """Whether it is a write."""
        return bool(self.payload)

    @property
    def command(self) -> int:
        """The byte that says what to do."""
        return self.space << 1 | self.writes

    def encode(self, tag: int) -> bytes:
        """The frame; tag: 0..255."""
        head = bytes((REQUEST, self.command, tag, self.count - 1)) + self.address.to_bytes(4, "little")
        return with_crc(head + self.payload)

    @property
    def answer_size(self) -> int:
        """Bytes of the response when all goes well."""
        return RESPONSE_HEAD + CRC + (0 if self.writes else WORD * self.count)


def decode_request(frame: bytes) -> tuple[Request, int]:
    """A request and its tag.

    Raises:
        ShiftworkError: no legal request, or a wrong checksum.
    """
    if not is_whole(frame) or len(frame) < REQUEST_HEAD + CRC or frame[0] != REQUEST:
        raise ShiftworkError("no request: damaged")
    command, tag, count = frame[1], frame[2], frame[3] + 1
    if command >> 1 not in list(Space):
        raise ShiftworkError(f"no request: command {command}")
    request = Request(Space(command >> 1), int.from_bytes(frame[4:8], "little"), count, frame[8:-CRC])
    if request.writes != bool(command & 1):
        raise ShiftworkError("no request: its length contradicts its command")
    return request, tag


@dataclass(frozen=True)
class Response:
    """An answer.

    Attributes:
        status: how the request ended. tag: of the request. count: its words.
        payload: what was read.
    """

    status: Status
    tag: int
    count: int
    payload: bytes = b""

    def encode(self) -> bytes:
        """The frame."""
        return with_crc(bytes((RESPONSE, self.status, self.tag, self.count - 1)) + self.payload)


@dataclass
class ResponseParser:
    """Takes bytes as they arrive and finds the responses among them.

    Bytes that do not belong to a frame are skipped up to the next one that may begin one.

    Attributes:
        expected: requests without an answer yet, by tag: they say how long their answers are. An answer to none of
            them may have either length.
        skipped: bytes that belonged to no frame.
    """

    expected: dict[int, Request] = field(default_factory=dict)
    skipped: int = 0
    _buffer: bytearray = field(default_factory=bytearray, repr=False)

    def feed(self, data: bytes) -> list[Response]:
        """The responses that are complete with these bytes."""
        self._buffer += data
        found: list[Response] = []
        while (begin := self._buffer.find(RESPONSE)) >= 0:
            self._skip(begin)
            size = self._size()
            if size is None:
                return found
            if size == 0:
                self._skip(1)
                continue
            frame = bytes(self._buffer[:size])
            del self._buffer[:size]
            found.append(Response(Status(frame[1]), frame[2], frame[3] + 1, frame[RESPONSE_HEAD:-CRC]))
        self._skip(len(self._buffer))
        return found

    def settle(self) -> list[Response]:
        """No byte has come for a while: a frame that is not complete never was one; what stands behind its begin."""
        found: list[Response] = []
        while self._buffer:
            self._skip(1)
            found += self.feed(b"")
        return found

    def _skip(self, count: int) -> None:
        del self._buffer[:count]
        self.skipped += count

    def _size(self) -> int | None:
        """Bytes of the frame at the begin of the buffer; 0: there is none, None: it is not complete."""
        buffer, short = self._buffer, RESPONSE_HEAD + CRC
        if len(buffer) > 1 and buffer[1] not in list(Status):
            return 0
        if len(buffer) < short:
            return None
        count, request = buffer[3] + 1, self.expected.get(buffer[2])
        sizes = [short]
        if buffer[1] == Status.DONE:
            if count > MAX_WORDS:
                return 0
            sizes = [short, short + WORD * count]
            if request is not None and request.count == count:
                sizes = [request.answer_size]
        for size in sizes:
            if len(buffer) < size:
                return None
            if is_whole(bytes(buffer[:size])):
                return size
        return 0
