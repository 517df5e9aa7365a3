"""Whether both sides computed what they must, before they are timed."""
import numpy as np
import torch

from workload import decoded

# rtol and atol of a bag of 20 rows. Float outputs: what PyTorch's own tests of EmbeddingBag allow, and a unit in the
# last place of large sums. Sums of codes: roundings of sums of up to 60 in size, of which rowpool adds the biases
# apart; PyTorch's tests of the quantized operators allow far more.
TOLERANCES = {"f32": (0, 1e-5), "f16": (2**-10, 1e-2), "bf16": (2**-7, 1e-1)}
CODED_TOLERANCE = (1.3e-6, 5e-5)
TOLERANT_BAG = 20
REFERENCE_BAGS = 8


class Wrong(Exception):
    """A side's results are not what they must be."""


class Skipped(Exception):
    """A peer that is not here, or that cannot do what a case asks."""


def as_floats(array):
    """Results of either side as float32: tensors, arrays, and bfloat16 as uint16."""
    if isinstance(array, torch.Tensor):
        return array.float().numpy()
    return (array.astype(np.uint32) << 16).view(np.float32) if array.dtype == np.uint16 else array.astype(np.float32)


def check_close(what, format, rows, actual, expected):
    """Bags of up to so many rows; errors grow with them."""
    rtol, atol = TOLERANCES.get(format, CODED_TOLERANCE)
    atol *= max(1, rows / TOLERANT_BAG)
    if actual.shape != expected.shape:
        raise Wrong(f"{what}: shape {actual.shape} instead of {expected.shape}")
    wrong = ~(np.abs(actual - expected) <= atol + rtol * np.abs(expected))
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise Wrong(f"{what}: {actual[at]} instead of {expected[at]} at {at}, {int(wrong.sum())} wrong in all")


def defined(values, pooling, weights):
    """What pooling the rows of a bag is."""
    if weights is not None:
        values = values * weights[:, None]
    return values.mean(axis=0) if pooling == "mean" else values.sum(axis=0)


def check_bags(format, rows, indices, offsets, ours, theirs, pooling="sum", weights=None):
    """Both sides against each other, and the first bags against their definition in float64."""
    ours, theirs = as_floats(ours), as_floats(theirs)
    longest = int(np.diff(offsets).max())
    check_close("rowpool against the peer", format, longest, ours, theirs)
    for bag in range(min(REFERENCE_BAGS, len(offsets) - 1)):
        own = slice(offsets[bag], offsets[bag + 1])
        expected = defined(decoded(format, rows[indices[own]]), pooling, None if weights is None else weights[own])
        check_close("rowpool against the definition", format, longest, ours[bag], expected)
