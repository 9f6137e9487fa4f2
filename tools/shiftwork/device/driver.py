# SPDX-License-Identifier: Apache-2.0
"""The driver of the accelerator on a bus (``shw_accel_axi``): load a program, run it, read results and counters.

It speaks to the accelerator through a *transport*: 32-bit registers and bytes of memory. :class:`AcceleratorDriver` is
for transports that answer at once, such as a mapped device; :class:`AsyncAcceleratorDriver` is the same for those that
are awaited, such as a simulation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from shiftwork.compile.accelerator import WORD, Accelerator, AcceleratorProgram
from shiftwork.compile.instructions import BYTES, ENGINE_KINDS, decode, encode, sealed
from shiftwork.device import registers
from shiftwork.device.registers import BY_NAME, COUNTERS, FAULTS
from shiftwork.errors import ShiftworkError

T = TypeVar("T")


class Transport(Protocol):
    """Registers and memory of an accelerator; offsets of registers and addresses of memory are bytes."""

    def read32(self, offset: int) -> int: ...

    def write32(self, offset: int, value: int) -> None: ...

    def read_memory(self, address: int, size: int) -> bytes: ...

    def write_memory(self, address: int, data: bytes) -> None: ...


class AsyncTransport(Protocol):
    """The same, awaited. ``wait`` returns when the interrupt is raised or some time has passed."""

    async def read32(self, offset: int) -> int: ...

    async def write32(self, offset: int, value: int) -> None: ...

    async def read_memory(self, address: int, size: int) -> bytes: ...

    async def write_memory(self, address: int, data: bytes) -> None: ...

    async def wait(self) -> None: ...


class AcceleratorFaultError(ShiftworkError):
    """A run ended with a fault.

    Attributes:
        code: of :data:`~shiftwork.device.registers.FAULTS`. instruction: its index in the program.
        node: the module that it computes, or "". address: in memory, of faults of memory.
    """

    def __init__(self, code: int, instruction: int, node: str, address: int) -> None:
        self.code, self.instruction, self.node, self.address = code, instruction, node, address
        where = f"instruction {instruction}" + (f" (node {node!r})" if node else "")
        place = f", at {address:#x}" if code in (4, 5, 6, 7) else ""
        super().__init__(f"{where}: {FAULTS.get(code, f'fault {code}')}{place}")


class AcceleratorStoppedError(ShiftworkError):
    """A run was ended by a stop or a soft reset."""


@dataclass
class Loaded:
    """A program in memory.

    Attributes:
        program: it. base: address of its memory. read_window, write_window: first and last word that it may access.
    """

    program: AcceleratorProgram
    base: int
    read_window: tuple[int, int]
    write_window: tuple[int, int]

    @property
    def registers(self) -> dict[str, int]:
        """What the registers of a run hold."""
        names = ("READ_WINDOW_FIRST", "READ_WINDOW_LAST", "WRITE_WINDOW_FIRST", "WRITE_WINDOW_LAST")
        return {
            "PROGRAM_ADDRESS": self.base + self.program.program_address,
            "PROGRAM_LENGTH": BYTES * self.program.program_count,
        } | dict(zip(names, (*self.read_window, *self.write_window), strict=True))


def moved(program: AcceleratorProgram, base: int) -> tuple[NDArray[np.uint8], Loaded]:
    """The memory of a program that lies at an address, and its windows.

    Raises:
        ShiftworkError: an address that is not a multiple of 64, or too high.
    """
    if base % BYTES or not 0 <= base <= (1 << 32) - program.memory.size:
        raise ShiftworkError(f"a program cannot lie at {base:#x}: a multiple of {BYTES} below 4 GiB")
    memory = program.memory.copy()
    for index in range(program.program_count):
        at = program.program_address + BYTES * index
        kind, fields = decode(memory[at : at + BYTES].tobytes())
        if kind not in ("load", "store"):
            continue
        fields["memory"] += base
        memory[at : at + BYTES] = np.frombuffer(encode(kind, fields), np.uint8)
    begin, end = program.program_address, program.program_address + BYTES * program.program_count
    memory[begin:end] = np.frombuffer(sealed(memory[begin:end].tobytes()), np.uint8)
    first, last = program.write_window
    return memory, Loaded(program, base, (base, base + memory.size - WORD), (base + first, base + last))


class AsyncAcceleratorDriver:
    """One accelerator, through a transport that is awaited.

    Attributes:
        transport: of it. watchdog: cycles without progress that end a run; 0: no limit.
        waits: so often :meth:`AsyncTransport.wait` may return before a run is given up and stopped; None: no limit.
        loaded: the program that runs.
    """

    def __init__(self, transport: AsyncTransport, watchdog: int = 100_000, waits: int | None = None) -> None:
        self.transport, self.watchdog, self.waits = transport, watchdog, waits
        self.loaded: Loaded | None = None

    async def register(self, name: str) -> dict[str, int]:
        """The fields of a register."""
        return BY_NAME[name].decode(await self.transport.read32(BY_NAME[name].offset))

    async def write_register(self, name: str, **fields: int) -> None:
        """Write a register; fields that are not given are 0."""
        await self.transport.write32(BY_NAME[name].offset, BY_NAME[name].encode(**fields))

    async def check(self, shape: Accelerator) -> None:
        """Raise ShiftworkError where the accelerator is another one than a program was compiled for."""
        identity, version = (await self.register("ID"))["id"], (await self.register("VERSION"))["map"]
        if fault := registers.foreign(identity, version):
            raise ShiftworkError(fault)
        engine, size, memories = (
            await self.register("ENGINE"),
            await self.register("SHAPE"),
            await self.register("MEMORIES"),
        )
        found = (engine["kind"], size["rows"], size["cols"])
        if found != (ENGINE_KINDS.get(shape.engine.kind), shape.engine.rows, shape.engine.cols):
            names = {code: name for name, code in ENGINE_KINDS.items()}
            raise ShiftworkError(
                f"the program was compiled for {shape.engine.kind} of {shape.engine.rows} x {shape.engine.cols}, the "
                f"accelerator is {names.get(found[0], 'unknown')} of {found[1]} x {found[2]}"
            )
        needed = {"activations": shape.activation_words, "weights": shape.weight_words, "constants": shape.constants}
        for name, words in needed.items():
            if words > 1 << memories[name]:
                raise ShiftworkError(f"the program needs {words} words of {name}, there are {1 << memories[name]}")

    async def load(self, program: AcceleratorProgram, base: int = 0) -> Loaded:
        """Write a program with its weights to memory at ``base``; it is what runs from now on."""
        await self.check(program.shape)
        memory, loaded = moved(program, base)
        await self.transport.write_memory(base, memory.tobytes())
        self.loaded = loaded
        return loaded

    def chosen(self) -> Loaded:
        """What was loaded."""
        if self.loaded is None:
            raise ShiftworkError("no program is loaded")
        return self.loaded

    async def put(self, codes: NDArray[np.integer]) -> None:
        """Write an input ``(height, width, channels)`` of codes."""
        loaded = self.chosen()
        area, cols = loaded.program.input, loaded.program.shape.engine.cols
        data = np.zeros(area.size(cols), np.uint8)
        replace(area, address=0).put(data, codes, cols)
        await self.transport.write_memory(loaded.base + area.address, data.tobytes())

    async def read(self) -> NDArray[np.integer]:
        """Codes ``(height, width, channels)`` of the output."""
        loaded = self.chosen()
        area, cols = loaded.program.output, loaded.program.shape.engine.cols
        data = await self.transport.read_memory(loaded.base + area.address, area.size(cols))
        return loaded.program.get(np.frombuffer(data, np.uint8), replace(area, address=0))

    async def start(self, **changes: int) -> None:
        """Start the program and return; ``changes`` replaces what a register of :class:`Loaded` holds."""
        for name, value in (self.chosen().registers | {"WATCHDOG": self.watchdog} | changes).items():
            await self.transport.write32(BY_NAME[name].offset, value)
        await self.write_register("INTERRUPT_STATUS", done=1, fault=1)
        await self.write_register("INTERRUPT_ENABLE", done=1, fault=1)
        await self.write_register("CONTROL", start=1)

    async def finish(self) -> None:
        """Wait for the end of a run.

        Raises:
            AcceleratorFaultError: it ended with a fault. AcceleratorStoppedError: it was stopped.
            ShiftworkError: it did not end in time, or the bus did not get clean; the run is told to stop.
        """
        waits = 0
        while (status := await self.register("STATUS"))["busy"]:
            if self.waits is not None and waits >= self.waits:
                await self.write_register("CONTROL", stop=1)
                what = "memory does not answer" if status["fault"] else "the program does not end"
                raise ShiftworkError(f"the accelerator stays busy: {what}")
            await self.transport.wait()
            waits += 1
        if status["fault"]:
            index = (await self.register("FAULT_INSTRUCTION"))["index"]
            names = self.chosen().program.names
            code, address = (
                (await self.register("FAULT_CODE"))["code"],
                (await self.register("FAULT_ADDRESS"))["address"],
            )
            raise AcceleratorFaultError(code, index, names.get(index, ""), address)
        if not status["done"]:
            raise AcceleratorStoppedError("the run was stopped")

    async def run(self, **changes: int) -> None:
        """Start the program and wait for its end; raises as :meth:`finish`."""
        await self.start(**changes)
        await self.finish()

    async def stop(self, reset: bool = False) -> None:
        """End the run, wait until the bus is clean; ``reset`` forgets its state and fault as well."""
        await self.write_register("CONTROL", **{"soft_reset" if reset else "stop": 1})
        while (await self.register("STATUS"))["busy"]:
            await self.transport.wait()

    async def override(self, **fields: int) -> None:
        """Settings of term revealing in place of those of the program (register OVERRIDE); none: the program's."""
        await self.write_register("OVERRIDE", enable=int(bool(fields)), **fields)

    async def counters(self) -> dict[str, int]:
        """All counters of the last run."""
        values = {}
        for counter in COUNTERS:
            offset = registers.counter_offset(counter.name)
            low = await self.transport.read32(offset)
            values[counter.name] = await self.transport.read32(offset + 4) << 32 | low
        return values


class _AtOnce:
    """A transport that answers at once, where one is awaited."""

    def __init__(self, transport: Transport, sleep: Callable[[], None]) -> None:
        self.transport, self.sleep = transport, sleep

    async def read32(self, offset: int) -> int:
        return self.transport.read32(offset)

    async def write32(self, offset: int, value: int) -> None:
        self.transport.write32(offset, value)

    async def read_memory(self, address: int, size: int) -> bytes:
        return self.transport.read_memory(address, size)

    async def write_memory(self, address: int, data: bytes) -> None:
        self.transport.write_memory(address, data)

    async def wait(self) -> None:
        self.sleep()


def _result(steps: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that never waits."""
    try:
        steps.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise AssertionError("the transport waits")


class AcceleratorDriver:
    """One accelerator, through a transport that answers at once. Methods as in :class:`AsyncAcceleratorDriver`.

    Args:
        transport: of it. watchdog: cycles without progress that end a run. timeout: seconds that a run may take.
        pause: seconds between two looks at its state.
    """

    def __init__(
        self,
        transport: Transport,
        watchdog: int = 100_000,
        timeout: float = 60.0,
        pause: float = 0.001,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        waits = max(1, round(timeout / pause))
        self.steps = AsyncAcceleratorDriver(_AtOnce(transport, lambda: sleep(pause)), watchdog, waits)

    def load(self, program: AcceleratorProgram, base: int = 0) -> Loaded:
        """Write a program with its weights to memory at ``base``; it is what runs from now on."""
        return _result(self.steps.load(program, base))

    def put(self, codes: NDArray[np.integer]) -> None:
        """Write an input ``(height, width, channels)`` of codes."""
        _result(self.steps.put(codes))

    def run(self) -> None:
        """Run the program.

        Raises:
            AcceleratorFaultError: it ended with a fault. ShiftworkError: it did not end in time.
        """
        _result(self.steps.run())

    def read(self) -> NDArray[np.integer]:
        """Codes ``(height, width, channels)`` of the output."""
        return _result(self.steps.read())

    def stop(self, reset: bool = False) -> None:
        """End the run, wait until the bus is clean; ``reset`` forgets its state and fault as well."""
        _result(self.steps.stop(reset))

    def override(self, **fields: int) -> None:
        """Settings of term revealing in place of those of the program; none: the program's."""
        _result(self.steps.override(**fields))

    def counters(self) -> dict[str, int]:
        """All counters of the last run."""
        return _result(self.steps.counters())
