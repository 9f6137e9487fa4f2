# SPDX-License-Identifier: Apache-2.0
"""What a board says of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import InitVar, dataclass, field
from types import TracebackType
from typing import ClassVar, Literal, Self

from shiftwork.board.frames import MAGIC, PROTOCOL, WORD, BoardWord
from shiftwork.board.tile_runs import VERSION, TileRegister
from shiftwork.board.uart import BoardError, UartTransport
from shiftwork.compile import Engine
from shiftwork.compile.accelerator import ENGINES, Accelerator
from shiftwork.compile.instructions import ENGINE_KINDS
from shiftwork.device import registers
from shiftwork.device.registers import BY_NAME
from shiftwork.errors import ShiftworkError

BOARDS = {0: "simulation", 1: "ulx3s", 2: "icebreaker", 3: "tangnano20k", 4: "vc707"}
"""Boards by their number."""
SYSTEMS = {0: "accelerator", 1: "tile engine"}
"""Kinds of systems by their number."""
_ENGINES = {ENGINE_KINDS[name]: engine for name, engine in ENGINES.items()}


@dataclass(frozen=True)
class Identity:
    """A board, its system and what it was built from.

    Attributes:
        board, system: names. clock: in kHz. memory: bytes. clocks_per_bit: of the serial line.
        dropped: frames with a wrong checksum since the reset, at most what the word holds.
        release: version of the package that the bitstream was built from.
        engine: of the system; None: it is of an unknown kind. shape: of the accelerator; None: there is none.
    """

    board: str
    system: str
    clock: int
    memory: int
    clocks_per_bit: int
    dropped: int
    release: str
    engine: Engine | None = None
    shape: Accelerator | None = None

    @property
    def baud(self) -> float:
        """Bits a second of the serial line."""
        return 1000 * self.clock / self.clocks_per_bit

    @property
    def accelerator(self) -> Accelerator:
        """The shape of the accelerator.

        Raises:
            BoardError: there is none.
        """
        if self.shape is None:
            raise BoardError(f"the board {self.board} holds no accelerator, its system is: {self.system}")
        return self.shape

    @property
    def tile_engine(self) -> Engine:
        """The engine, where it is all that there is.

        Raises:
            BoardError: there is something else.
        """
        if self.engine is None or self.shape is not None:
            raise BoardError(f"the board {self.board} holds no tile engine, its system is: {self.system}")
        return self.engine


def identify(transport: UartTransport) -> Identity:
    """Ask a board what it is.

    Raises:
        BoardError: it answers as no board of this version does, or as :meth:`UartTransport.exchange`.
    """
    words = dict(zip(BoardWord, transport.board_words(len(BoardWord)), strict=True))
    if words[BoardWord.MAGIC] != MAGIC:
        raise BoardError(f"{transport.port}: no board of this project: it answers {words[BoardWord.MAGIC]:#010x}")
    if words[BoardWord.PROTOCOL] != PROTOCOL:
        raise BoardError(
            f"{transport.port}: the board speaks version {words[BoardWord.PROTOCOL]} of the frames, "
            f"this release version {PROTOCOL}"
        )
    number, kind = words[BoardWord.KIND] & 0xFFFF, words[BoardWord.KIND] >> 16
    release, system = words[BoardWord.RELEASE], SYSTEMS.get(kind, f"system {kind}")
    shape = _shape(transport) if system == SYSTEMS[0] else None
    engine = _tile_engine(transport) if system == SYSTEMS[1] else None
    return Identity(
        board=BOARDS.get(number, f"number {number}"),
        system=system,
        clock=words[BoardWord.CLOCK],
        memory=words[BoardWord.MEMORY],
        clocks_per_bit=words[BoardWord.CLOCKS_PER_BIT],
        dropped=words[BoardWord.DROPPED],
        release=f"{release >> 16}.{release >> 8 & 255}.{release & 255}",
        engine=engine if shape is None else shape.engine,
        shape=shape,
    )


@dataclass
class BoardDevice(ABC):
    """The system of a board, which executes networks; :meth:`attach` says what else a kind of system is asked.

    Attributes:
        transport: to it. known: its identity, where it has been asked; None: it is asked. identity: of the board.
        inside: its engine is inside an accelerator.
    """

    executor: ClassVar[Literal["uart"]] = "uart"
    inside: ClassVar[bool]
    transport: UartTransport
    known: InitVar[Identity | None] = None
    identity: Identity = field(init=False)

    def __post_init__(self, known: Identity | None) -> None:
        try:
            self.identity = known or identify(self.transport)
            self.attach()
        except ShiftworkError:
            self.close()
            raise

    @abstractmethod
    def attach(self) -> None:
        """Begin to use the board, whose identity is known.

        Raises:
            ShiftworkError: it has another kind of system, or as :meth:`UartTransport.exchange`.
        """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give the port back."""
        self.transport.close()


def _engine(kind: int, rows: int, cols: int) -> Engine:
    """An engine by what registers say of it."""
    if kind not in _ENGINES:
        raise BoardError(f"the board has an engine of an unknown kind, {kind}")
    return _ENGINES[kind](rows, cols)


def _tile_engine(transport: UartTransport) -> Engine:
    """The engine of a system without accelerator, from its registers."""
    kind, rows, cols, version = transport.read32(WORD * TileRegister.ENGINE).to_bytes(WORD, "little")
    if version != VERSION:
        raise BoardError(f"the board has version {version} of the registers of a tile engine, this release {VERSION}")
    return _engine(kind, rows, cols)


def _shape(transport: UartTransport) -> Accelerator:
    """The shape of the accelerator, from its registers."""

    def register(name: str) -> dict[str, int]:
        return BY_NAME[name].decode(transport.read32(BY_NAME[name].offset))

    identity, version = register("ID")["id"], register("VERSION")["map"]
    if fault := registers.foreign(identity, version):
        raise BoardError(fault)
    kind, size, memories = register("ENGINE")["kind"], register("SHAPE"), register("MEMORIES")
    engine = _engine(kind, size["rows"], size["cols"])
    activations = (engine.cols << memories["activations"]) // 1024
    return Accelerator(engine, activations, 1 << memories["weights"], 1 << memories["constants"])
