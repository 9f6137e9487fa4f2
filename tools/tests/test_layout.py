# SPDX-License-Identifier: Apache-2.0
"""Views of stored maps against numpy on the values themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from shiftwork.tensors.layout import BATCH, Step, View, in_place, positions

ORDERS = ["n c h w", "n h w c", "n chw", "n w hc", "c n h w", "h wc n"]


def maps(shape: tuple[int, int, int], samples: int) -> np.ndarray:
    return np.arange(samples * math.prod(shape)).reshape(samples, *shape)


@pytest.mark.parametrize("shape", [(3, 4, 5), (1, 1, 6), (2, 1, 3), (1, 1, 1)])
@pytest.mark.parametrize("axes", ORDERS)
def test_axes_of_a_map(axes: str, shape: tuple[int, int, int]) -> None:
    x, names = maps(shape, 7), "nhwc"
    view, letters = View.of(shape, axes), axes.replace(" ", "")
    expected = x.transpose([names.index(letter) for letter in letters])
    sizes = dict(zip(names, x.shape, strict=True))
    expected = expected.reshape([math.prod(sizes[letter] for letter in axis) for axis in axes.split()])
    assert view.shape(7) == expected.shape
    assert np.array_equal(view.taken(x), expected)
    assert np.array_equal(view.put(expected, shape), x)
    assert view.batch_axis == axes.split().index("n")


def factors(rng: np.random.Generator, size: int) -> list[int]:
    """Sizes of a random number of axes whose product is a size."""
    result = [1] * int(rng.integers(0, 2))
    while size > 1:
        size_of_one = int(rng.choice([n for n in range(2, size + 1) if size % n == 0]))
        result.append(size_of_one)
        size //= size_of_one
    return result


@pytest.mark.parametrize("samples", [7, 1])
@pytest.mark.parametrize("seed", range(40))
def test_chains_of_moves(seed: int, samples: int) -> None:
    """Random chains of Transpose, Reshape, Squeeze, Unsqueeze and Expand; None says that values have to move."""
    rng = np.random.default_rng(seed)
    shape = tuple(int(size) for size in rng.choice([1, 2, 3, 4, 6], 3))
    x = maps((shape[0], shape[1], shape[2]), samples)
    view = View.of((shape[0], shape[1], shape[2]), "n c h w")
    value = view.taken(x)
    repeated, moves = False, 0
    for _ in range(12):
        batch = view.batch_axis
        assert batch is not None
        what = rng.integers(5)
        if what == 0:
            order = rng.permutation(value.ndim)
            view, value = view.transposed(order.tolist()), value.transpose(order)
        elif what == 1:
            target = [*factors(rng, math.prod(value.shape[:batch])), samples,
                      *factors(rng, math.prod(value.shape[batch + 1 :]))]  # fmt: skip
            found = view.reshaped(target, samples)
            if found is not None and found.batch_axis is not None:
                view, value, moves = found, value.reshape(target), moves + 1
        elif what == 2:
            places = [place for place, size in enumerate(value.shape) if size == 1 and place != batch]
            view, value = view.squeezed(places), value.squeeze(tuple(places))
        elif what == 3:
            place = int(rng.integers(value.ndim + 1))
            view, value = view.unsqueezed([place]), np.expand_dims(value, place)
        else:
            wanted = [2 if size == 1 and place != batch else size for place, size in enumerate(value.shape)]
            repeated = repeated or wanted != list(value.shape)
            view, value = view.expanded([3, *wanted]), np.broadcast_to(value, [3, *wanted])
            view, value = View(view.axes[1:]), value[0]
        assert view.shape(samples) == value.shape
        assert np.array_equal(view.taken(x), value)
    if not repeated:
        assert np.array_equal(view.put(value, (shape[0], shape[1], shape[2])), x)
    rest = [int(place) for place in rng.permutation(value.ndim) if place != view.batch_axis]
    first, second = sorted(rng.integers(0, len(rest) + 1, 2))
    laid, new, steps = view.laid([rest[:first], rest[first:second], rest[second:]])
    stored = x.reshape(samples, -1)[:, positions(steps)].reshape(samples, *new)
    assert np.array_equal(laid.taken(stored), value)
    assert in_place(steps) == np.array_equal(positions(steps), np.arange(math.prod(new)))


def test_a_shuffle_of_channels_moves_nothing() -> None:
    x = maps((2, 3, 12), 7)
    view: View | None = View.of((2, 3, 12), "n c h w").reshaped((7, 3, 4, 2, 3), 7)
    assert view is not None
    view = view.transposed((0, 2, 1, 3, 4)).reshaped((7, 12, 2, 3), 7)
    assert view is not None
    values = x.transpose(0, 3, 1, 2).reshape(7, 3, 4, 2, 3).swapaxes(1, 2).reshape(7, 12, 2, 3)
    assert np.array_equal(view.taken(x), values)


def test_what_a_reshape_cannot_see() -> None:
    view = View.of((3, 4, 5), "n c h w")
    assert view.reshaped((7, 2, 30), 7) is None  # 5 channels are not 2 times something
    assert view.reshaped((14, 30), 7) is None  # half a sample
    mixed = view.reshaped((35, 12), 7)
    assert mixed is not None
    assert mixed.batch_axis is None
    x = maps((3, 4, 5), 7)
    assert np.array_equal(mixed.taken(x), x.transpose(0, 3, 1, 2).reshape(35, 12))
    swapped = view.transposed((1, 0, 2, 3)).reshaped((35, 12), 7)
    assert swapped is not None
    assert np.array_equal(swapped.taken(x), x.transpose(3, 0, 1, 2).reshape(35, 12))


def test_positions() -> None:
    assert positions([]).tolist() == [0]
    assert positions([Step(2, 10), Step(3, 0), Step(2, 1)]).tolist() == [0, 1, 0, 1, 0, 1, 10, 11, 10, 11, 10, 11]
    assert in_place([Step(2, 3), Step(3, 1)])
    assert not in_place([Step(3, 2)])
    assert in_place([])
    assert View(((Step(0, BATCH), Step(2, 1)),)).batch_axis is None
