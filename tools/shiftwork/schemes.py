# SPDX-License-Identifier: Apache-2.0
"""tmp"""

from shiftwork.compile import *


def engine_for(scheme, rows=None, cols=None, **more):
    if scheme == "pot":
        raise ValueError
    given = {k: v for k, v in dict(rows=rows, cols=cols, **more).items() if v is not None}
    e = MsqEngine if scheme in ("msq", "fixed4", "sp2") else ExpEngine if scheme == "dnateq" else TrEngine
    return e(**given)
