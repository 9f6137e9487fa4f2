# SPDX-License-Identifier: Apache-2.0
"""What a board says of itself."""

from __future__ import annotations

from dataclasses import dataclass

from shiftwork.board.frames import MAGIC, PROTOCOL, BoardWord
from shiftwork.board.uart import BoardError, UartTransport
from shiftwork.compile import Engine, MacEngine, TrEngine
from shiftwork.compile.accelerator import Accelerator
from shiftwork.compile.instructions import ENGINE_KINDS
from shiftwork.device import registers
from shiftwork.device.registers import BY_NAME

BOARDS = {0: "simulation", 1: "ulx3s", 2: "icebreaker", 3: "tangnano20k", 4: "vc707"}
"""Boards by their number."""
SYSTEMS = {0: "accelerator", 1: "tile engine"}
"""Kinds of systems by their number."""
_ENGINES: dict[int, type[TrEngine | MacEngine]] = {
    ENGINE_KINDS["tr"]: TrEngine,
    ENGINE_KINDS["mac"]: MacEngine,
}


@dataclass(frozen=True)
class Identity:
    """A board, its system and what it was built from.

    Attributes:
        board, system: names. clock: in kHz. memory: bytes. clocks_per_bit: of the serial line.
        dropped: frames with a wrong checksum since the reset, at most what the word holds.
        release: version of the package that the bitstream was built from.
        shape: of the accelerator; None: there is none.
    """

    board: str
    system: str
    clock: int
    memory: int
    clocks_per_bit: int
    dropped: int
    release: str
    shape: Accelerator | None

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
            raise BoardError(f"the board {self.board} holds no accelerator but a {self.system}")
        return self.shape


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
    release = words[BoardWord.RELEASE]
    return Identity(
        board=BOARDS.get(number, f"number {number}"),
        system=SYSTEMS.get(kind, f"system {kind}"),
        clock=words[BoardWord.CLOCK],
        memory=words[BoardWord.MEMORY],
        clocks_per_bit=words[BoardWord.CLOCKS_PER_BIT],
        dropped=words[BoardWord.DROPPED],
        release=f"{release >> 16}.{release >> 8 & 255}.{release & 255}",
        shape=_shape(transport) if SYSTEMS.get(kind) == "accelerator" else None,
    )


def _shape(transport: UartTransport) -> Accelerator:
    """The shape of the accelerator, from its registers."""

    def register(name: str) -> dict[str, int]:
        return BY_NAME[name].decode(transport.read32(BY_NAME[name].offset))

    identity, version = register("ID")["id"], register("VERSION")["map"]
    if fault := registers.foreign(identity, version):
        raise BoardError(fault)
    kind, size, memories = register("ENGINE")["kind"], register("SHAPE"), register("MEMORIES")
    if kind not in _ENGINES:
        raise BoardError(f"the accelerator of the board has an unknown engine, kind {kind}")
    engine: Engine = _ENGINES[kind](size["rows"], size["cols"])
    activations = (engine.cols << memories["activations"]) // 1024
    return Accelerator(engine, activations, 1 << memories["weights"], 1 << memories["constants"])
