# SPDX-License-Identifier: Apache-2.0
"""The networks that the onnx package ships without their weights: that they run, how long, in what memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx

from shiftwork.errors import ShiftworkError
from shiftwork.network.importer import import_onnx

SHIPPED = (
    "bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet", "vgg19",
    "zfnet512",
)  # fmt: skip
"""Networks, by the names of their files."""
_SAMPLES = 2  # of random numbers; the first is executed


def shipped(name: str) -> dict[str, Any]:
    """One sample on the golden model under ``fixed8``, by the command that a user would give.

    Raises:
        ShiftworkError: the command fails.
    """
    model = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light" / f"light_{name}.onnx"
    network = import_onnx(model)
    x = np.random.default_rng(0).normal(0, 1, (_SAMPLES, *network.ends.sample_shape)).astype(np.float32)
    macs = sum(
        int(np.prod(network.shapes[module.output][:2])) * module.weight.size
        for module in network.modules
        if module.weight is not None
    )
    with TemporaryDirectory() as folder:
        data, report = Path(folder) / "data.npz", Path(folder) / "report.json"
        np.savez(data, x=x)
        options = ["--data", str(data), "--scheme", "fixed8", "--limit", "1", "--json", str(report)]
        begin = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "shiftwork", "run", str(model), *options], stdout=subprocess.DEVNULL
        )
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        if status:
            raise ShiftworkError(f"shiftwork run {model}: exit status {os.waitstatus_to_exitcode(status)}")
        modules = json.loads(report.read_text())["layers"]
    return {
        "name": f"shipped.{name}",
        "network": name,
        "modules": len(modules),
        "host": dict(Counter(layer["kind"] for layer in modules if layer["kind"] == "host")),
        "moves": sum(layer["kind"] == "reshape" for layer in modules),
        "macs": macs,
        "seconds": round(seconds, 1),
        "gigabytes": round(used.ru_maxrss / (1 << 20), 2),
    }
