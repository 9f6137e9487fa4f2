# SPDX-License-Identifier: Apache-2.0
"""A board behind a serial port: words of its spaces by frames, with retries (:mod:`shiftwork.board.frames`)."""

from __future__ import annotations

import errno
import random
import termios
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType

from serial import Serial, SerialException, SerialTimeoutException

from shiftwork.board.frames import (
    MAX_WORDS,
    STATUS_WORDS,
    WORD,
    Request,
    Response,
    ResponseParser,
    Space,
    Status,
)
from shiftwork.errors import ShiftworkError
from shiftwork.progress import OnItem

BAUD = 3_000_000
"""Bits a second, where nothing else is asked for."""
TIMEOUT = 1.0
"""Seconds without an answer, beside the time that the bits take, after which requests count as lost. The board has
dropped by then what it holds of a frame that lacks bytes."""
TRIES = 4
"""So often a request is sent before the board is given up."""
WINDOW = 8
"""Requests on their way at a time. Up to 511 bytes of them wait at the board while it answers: 42 reads."""
_BITS = 10
"""Of a byte on the line."""
_LOOK = 0.02
"""Seconds that a look at the port takes when nothing comes."""
_TELL = 16
"""Requests between two reports of progress."""


class BoardError(ShiftworkError):
    """A port, or the board behind it, does not do what it should."""


class UartTransport:
    """Registers and memory of a board's accelerator (:class:`shiftwork.device.driver.Transport`), and words about it.

    The port is open for this host alone. Every request is answered or tried again: one whose answer is lost is executed
    twice, and of those on their way together one that is lost is executed after the others. So registers go one by one.

    Args:
        port: name of the serial port. baud: bits a second. timeout: see :data:`TIMEOUT`.

    Attributes:
        retried: requests that were sent again. told: about every 16th answer of those to one call.

    Raises:
        BoardError: there is no such port, or another program has it.
    """

    def __init__(self, port: str, baud: int = BAUD, timeout: float = TIMEOUT) -> None:
        self.port, self.baud, self.timeout = port, baud, timeout
        self.retried = 0
        self.told: OnItem | None = None
        self._line = _opened(port, baud)
        self._parser = ResponseParser()
        self._tag = random.randrange(256)
        self._given_up: set[int] = set()  # tags whose answers may still come
        self._is_heard = False  # what comes before the first answer was asked by an earlier host

    def __enter__(self) -> UartTransport:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give the port back."""
        with suppress(SerialException, OSError):
            self._line.close()

    # --- Words --------------------------------------------------------------------------------------------------------
    def read32(self, offset: int) -> int:
        """A register of the accelerator."""
        return int.from_bytes(self.exchange([Request(Space.REGISTERS, offset, 1)])[0], "little")

    def write32(self, offset: int, value: int) -> None:
        """Write a register of the accelerator."""
        self.exchange([Request(Space.REGISTERS, offset, 1, value.to_bytes(WORD, "little"))])

    def read_memory(self, address: int, size: int) -> bytes:
        """Bytes of the board's memory; address and size are multiples of 4."""
        return b"".join(self.exchange([Request(Space.MEMORY, at, count) for at, count in _parts(address, size)]))

    def write_memory(self, address: int, data: bytes) -> None:
        """Write bytes of the board's memory; address and size are multiples of 4."""
        places = ((at, count, at - address) for at, count in _parts(address, len(data)))
        requests = [Request(Space.MEMORY, at, n, data[first : first + WORD * n]) for at, n, first in places]
        self.exchange(requests)

    def board_words(self, count: int) -> list[int]:
        """The first words about the board."""
        (data,) = self.exchange([Request(Space.BOARD, 0, count)])
        return [int.from_bytes(data[at : at + WORD], "little") for at in range(0, len(data), WORD)]

    # --- Frames -------------------------------------------------------------------------------------------------------
    def exchange(self, requests: Sequence[Request]) -> list[bytes]:
        """What requests read, each once it was answered.

        Args:
            requests: in an order that does not matter.

        Raises:
            BoardError: no answer, damaged ones, those of another host, a refusal, or the port is gone.
        """
        payloads = [b""] * len(requests)
        tries = [0] * len(requests)
        waiting = deque(range(len(requests)))
        flying: dict[int, int] = {}  # requests by tag, in the order in which they were sent
        answered, noise, deadline = 0, self._parser.skipped, 0.0
        try:
            while waiting or flying:
                while waiting and len(flying) < (1 if tries[waiting[0]] else WINDOW):
                    index = waiting.popleft()
                    flying[self._send(requests[index])] = index
                    tries[index] += 1
                    deadline = self._deadline(requests[index] for index in flying.values())
                found = self._receive()
                is_quiet = not found and time.monotonic() > deadline
                if is_quiet:
                    found = self._parser.settle()
                for response in found:
                    if response.tag not in flying or requests[flying[response.tag]].count != response.count:
                        self._check_stranger(response)
                        continue
                    lost = list(flying)[: list(flying).index(response.tag)]  # answers come in order
                    self._lose(lost, flying, waiting)
                    index = flying.pop(response.tag)
                    payloads[index] = self._accept(requests[index], response)
                    answered += 1
                    deadline = self._deadline(requests[index] for index in flying.values())
                    if self.told is not None and answered % _TELL == 0:
                        what = f"{'write' if requests[index].writes else 'read'} {WORD * MAX_WORDS * answered:,} bytes"
                        self.told(answered // _TELL, len(requests) // _TELL, what)
                if is_quiet and flying:
                    self._lose(list(flying), flying, waiting)
                if waiting and tries[waiting[0]] >= TRIES:
                    raise self._no_answer(self._parser.skipped - noise)
        finally:
            self._lose(list(flying), flying, waiting)
        return payloads

    def _send(self, request: Request) -> int:
        """Send a request; its tag."""
        self._tag = (self._tag + 1) % 256
        self._given_up.discard(self._tag)
        self._parser.expected[self._tag] = request
        with self._watched():
            self._line.write(request.encode(self._tag))
        return self._tag

    def _receive(self) -> list[Response]:
        """Wait for bytes a while; the answers that are complete with them."""
        with self._watched():
            return self._parser.feed(self._line.read(max(1, self._line.in_waiting)))

    def _deadline(self, flying: Iterator[Request]) -> float:
        """When requests on their way count as lost."""
        size = sum(len(request.encode(0)) + request.answer_size for request in flying)
        return time.monotonic() + self.timeout + _BITS * size / self.baud

    def _lose(self, tags: list[int], flying: dict[int, int], waiting: deque[int]) -> None:
        """Requests on their way are lost: they wait to be sent again."""
        for tag in reversed(tags):
            waiting.appendleft(flying.pop(tag))
            self._given_up.add(tag)
            del self._parser.expected[tag]
            self.retried += 1

    def _accept(self, request: Request, response: Response) -> bytes:
        """What an answer brings."""
        self._is_heard = True
        del self._parser.expected[response.tag]
        if response.status is not Status.DONE:
            what = f"{'write' if request.writes else 'read'} of {request.count} words at {request.address:#x} of "
            what += f"{request.space.name.lower()}: {STATUS_WORDS[response.status]}"
            raise BoardError(f"{self.port}: the board refuses a {what}")
        return response.payload

    def _check_stranger(self, response: Response) -> None:
        """An answer to nothing that is on its way."""
        if self._is_heard and response.tag not in self._given_up:
            raise BoardError(f"{self.port}: an answer to another host arrives: only one may speak to the board")
        self._given_up.discard(response.tag)

    def _no_answer(self, noise: int) -> BoardError:
        """Why a request had to be given up."""
        if noise:
            return BoardError(
                f"{self.port}: what arrives is damaged, {noise} bytes belong to no answer: is the baud rate "
                f"{self.baud} that of the board, does another program read the port?"
            )
        return BoardError(
            f"{self.port}: no answer at {self.baud} baud after {TRIES} tries: is it the port of the board, is the "
            "board configured, is that its baud rate?"
        )

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Errors of the port as those of the board."""
        try:
            yield
        except SerialTimeoutException as error:
            raise BoardError(f"{self.port}: the port takes no more bytes") from error
        except (SerialException, OSError, termios.error) as error:
            raise BoardError(f"{self.port}: the port is gone in the middle of a transfer: unplugged?") from error


def _parts(address: int, size: int) -> Iterator[tuple[int, int]]:
    """Address and words of the frames that bytes take."""
    if address % WORD or size % WORD:
        raise ShiftworkError(f"{size} bytes at {address:#x}: the board moves words of {WORD} bytes")
    for at in range(address, address + size, WORD * MAX_WORDS):
        yield at, min(MAX_WORDS, (address + size - at) // WORD)


def _opened(port: str, baud: int) -> Serial:
    """The port, for this host alone."""
    try:
        line = Serial(port, baud, timeout=_LOOK, write_timeout=10.0, exclusive=True)
    except ValueError as error:
        raise BoardError(f"{port}: no baud rate of a serial port: {baud}") from error
    except (SerialException, OSError) as error:
        reasons = {
            errno.ENOENT: "there is no such port: is the board plugged in?",
            errno.EACCES: "you may not open it: your user has to be in its group, often dialout",
            errno.EAGAIN: "another program has the port",
            errno.EBUSY: "another program has the port",
        }
        raise BoardError(f"{port}: {reasons.get(error.errno or 0, 'it is no serial port')}") from error
    with suppress(SerialException, OSError, ValueError):
        line.set_low_latency_mode(True)  # of USB chips that hold answers back; others do not know it
    return line
