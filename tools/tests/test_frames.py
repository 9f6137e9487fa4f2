# SPDX-License-Identifier: Apache-2.0
"""Frames between host and board: their bytes, and a parser that finds them in whatever arrives."""

from __future__ import annotations

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as some

from shiftwork.board.frames import (
    MAX_WORDS,
    Request,
    Response,
    ResponseParser,
    Space,
    Status,
    decode_request,
    is_whole,
    with_crc,
)
from shiftwork.errors import ShiftworkError

READ = Request(Space.MEMORY, 0x100, 2)
ANSWER = Response(Status.DONE, 7, 2, bytes(range(8)))
WORDS = some.integers(1, MAX_WORDS)


def payloads(count: int) -> some.SearchStrategy[bytes]:
    return some.binary(min_size=4 * count, max_size=4 * count)


WRITES = WORDS.flatmap(lambda count: some.builds(Request, some.sampled_from(Space), some.just(64), some.just(count),
                                                 payloads(count)))  # fmt: skip
READS = some.builds(Request, some.sampled_from(Space), some.integers(0, 1000).map(lambda word: 4 * word), WORDS)


def answer(request: Request, tag: int, seed: int = 0) -> Response:
    data = b"" if request.writes else random.Random(seed).randbytes(4 * request.count)
    return Response(Status.DONE, tag, request.count, data)


def test_the_bytes_of_a_frame():
    frame = Request(Space.REGISTERS, 0x20, 1, b"\x01\x00\x00\x00").encode(tag=9)
    body = bytes.fromhex("a5 03 09 00 20000000 01000000")
    assert frame == body + zlib.crc32(body).to_bytes(4, "little")
    body = bytes.fromhex("5a 00 07 01 0001020304050607")
    assert ANSWER.encode() == body + zlib.crc32(body).to_bytes(4, "little")
    assert len(ANSWER.encode()) == READ.answer_size
    assert is_whole(frame) and not is_whole(frame[:-1]) and not is_whole(b"")


@given(request=WRITES | READS, tag=some.integers(0, 255))
def test_a_request_comes_back(request: Request, tag: int):
    assert decode_request(request.encode(tag)) == (request, tag)


def test_what_is_no_request():
    frame = READ.encode(3)
    legal = bytes.fromhex("a5 00 03 01 00010000")
    assert with_crc(legal) == frame
    for damaged in (frame[:-1], frame[1:], b"\xa5", with_crc(b"\x5a" + legal[1:])):
        with pytest.raises(ShiftworkError, match="damaged"):
            decode_request(damaged)
    with pytest.raises(ShiftworkError, match="command 6"):
        decode_request(with_crc(legal[:1] + b"\x06" + legal[2:]))
    with pytest.raises(ShiftworkError, match="length"):
        decode_request(with_crc(legal + bytes(8)))
    for illegal in ((0, 0), (0, 65), (2, 1), (-4, 1), (1 << 32, 1)):
        with pytest.raises(ShiftworkError, match="no frame holds"):
            Request(Space.MEMORY, *illegal)
    with pytest.raises(ShiftworkError, match="5 bytes are not 1 words"):
        Request(Space.MEMORY, 0, 1, bytes(5))


@given(requests=some.lists(WRITES | READS, max_size=6), cut=some.integers(1, 50))
def test_answers_in_pieces(requests: list[Request], cut: int):
    parser = ResponseParser(dict(enumerate(requests)))
    answers = [answer(request, tag, tag) for tag, request in enumerate(requests)]
    stream = b"".join(one.encode() for one in answers)
    found = [one for at in range(0, len(stream), cut) for one in parser.feed(stream[at : at + cut])]
    assert found == answers and parser.skipped == 0


@given(noise=some.binary(max_size=40), hit=some.integers(0, 15), flip=some.integers(1, 255))
def test_the_next_answer_is_found(noise: bytes, hit: int, flip: int):
    """Noise, a damaged answer and a cut one stand before it."""
    damaged = bytearray(ANSWER.encode())
    damaged[hit] ^= flip
    parser = ResponseParser({7: READ})
    stream = noise + damaged + ANSWER.encode()[:hit] + ANSWER.encode()
    found = parser.feed(stream)
    found += parser.settle()
    assert found == [ANSWER]
    assert parser.skipped == len(stream) - READ.answer_size
    assert parser.feed(ANSWER.encode()) == [ANSWER]


def test_answers_that_nobody_expects():
    """Of a read or of a write, as the checksum says; also where the tag is known and the count differs."""
    read, write = Response(Status.DONE, 1, 4, bytes(16)), Response(Status.DONE, 1, 64)
    for expected in ({}, {1: READ}):
        parser = ResponseParser(dict(expected))
        assert parser.feed(read.encode() + write.encode()) == [read, write]


@pytest.mark.parametrize("status", [status for status in Status if status])
def test_errors_have_no_payload(status: Status):
    refused = Response(status, 7, 200 if status is Status.COUNT else 2)
    parser = ResponseParser({7: READ})
    assert parser.feed(refused.encode() + ANSWER.encode()) == [refused, ANSWER]


def test_no_answer_has_such_a_head():
    for head in (b"\x5a\x05\x07\x01", b"\x5a\x00\x07\x40"):
        parser = ResponseParser({7: READ})
        assert parser.feed(with_crc(head) + ANSWER.encode()) == [ANSWER]
        assert parser.skipped == 8
