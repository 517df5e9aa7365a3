"""The grids of one table: which shapes, beside which peer, by what names. Python's standard library is all it needs."""
import math
import random
from itertools import product
from typing import NamedTuple

from sizes import KIB, MIB, second_level_cache, size_text

FLOATS = ["f16", "f32", "bf16"]
FORMATS = ["int8", "int4", *FLOATS]
DIMS = [32, 64, 128, 256]
PLACES = {"L1": 32 * KIB, "L2": 512 * KIB, "L3": 16 * MIB, "DRAM": 256 * MIB, "4GiB": 4096 * MIB}
SIZES = [512 * KIB, 16 * MIB, 256 * MIB]
ALL_DIMS = [*range(1, 18), 20, 24, 31, 32, 33, 40, 48, 50, 63, 64, 65, 80, 96, 100, 127, 128, 129, 160, 192, 200, 255,
            256, 257, 300, 320, 384, 400, 512, 640, 768, 1000, 1024, 1536, 2048]
SHORT = {1: 20480, 2: 8192, 3: 8192, 5: 4096, 10: 2048}  # rows of a bag: bags of a call
BATCHES = [64, 256, 1024, 4096, 8192, 16384, 32768]
LOOKUP_PEERS = ["embedding", "index_select", "take"]
OTHER_PEERS = ["openvino", "onnxruntime", "tensorflow", "tensorflow-xla", "scipy"]
ZIPF = 1.05  # of the random shapes that are not uniform


class Shape(NamedTuple):
    """Bags of so many rows each, of a table of so many bytes."""
    format: str
    dim: int
    size: int
    bag: int = 20
    batch: int = 1024
    pooling: str = "sum"  # or mean; weighted, which is a sum, too; none: a plain lookup, of one row a bag
    index: str = "int32"  # type of ids and offsets
    zipf: float | None = None

    @property
    def lookups(self):
        return self.batch * self.bag


class Cell(NamedTuple):
    """A shape beside that one of table_peers.SIDES. Labels go into the result; between is for Stretch."""
    name: str
    shape: Shape
    against: str
    between: int
    labels: dict = {}


def cell(options, name, format, dim, size, against="torch", labels=None, **shape):
    return Cell(name, Shape(format, dim, size, zipf=options.zipf, **shape), against, options.between, labels or {})


def named(options):
    """Every format and dim in every place; NumPy for a few."""
    places = ["L2", "DRAM"] if options.quick else [place for place in PLACES if place != "4GiB" or options.large]
    dims = [64] if options.quick else DIMS
    kernels = [("kernel", "functional", "torch", format, dim, place)
               for format in FORMATS for dim in dims for place in places]
    naive = [("numpy", "numpy", "numpy", "f32", dim, place) for dim in dims[:3:2] for place in ("L2", "DRAM")]
    for group, against, peer, format, dim, place in kernels + naive:
        yield cell(options, f"{group}/{format}/dim:{dim}/{place}", format, dim, PLACES[place], against,
                   {"peer": peer, "place": place})


def dims(options):
    """PyTorch's int4 rows have an even number of columns."""
    for format, size, dim in product(FORMATS, SIZES, ALL_DIMS):
        if format != "int4" or dim % 2 == 0:
            yield cell(options, f"dims/{format}/dim:{dim}/{size_text(size)}", format, dim, size)


def short(options):
    for format, size, dim, (bag, batch) in product(FORMATS, SIZES, (16, *DIMS), SHORT.items()):
        yield cell(options, f"short/{format}/dim:{dim}/bag:{bag}/batch:{batch}/{size_text(size)}", format, dim, size,
                   bag=bag, batch=batch)


def lookup(options):
    """Plain lookups, of floats: PyTorch has none of codes."""
    for format, size, dim, peer in product(("f32", "f16"), SIZES, (8, 16, 32, 64, 100, 128, 256, 768), LOOKUP_PEERS):
        yield cell(options, f"lookup/{format}/dim:{dim}/{size_text(size)}/{peer}", format, dim, size, peer,
                   bag=1, batch=20480, pooling="none")


def batches(options):
    for format, size, dim, batch in product(FORMATS, SIZES[:2], DIMS[:3], BATCHES):
        yield cell(options, f"batches/{format}/dim:{dim}/batch:{batch}/{size_text(size)}", format, dim, size,
                   batch=batch)


def overwritten(options):
    """Other memory is written before each call: four times the second-level cache unless --between says how much."""
    between = options.between or 4 * second_level_cache()
    for format, size, dim in product(FORMATS, SIZES, DIMS):
        name = f"overwritten/{format}/dim:{dim}/{size_text(size)}"
        yield cell(options, name, format, dim, size)._replace(between=between)


def zentorch(options):
    formats, bags = ("int4", "f32", "bf16"), ((1, 20480), (20, 1024))
    for format, size, dim, (bag, batch) in product(formats, SIZES, (16, *DIMS), bags):
        yield cell(options, f"zentorch/{format}/dim:{dim}/bag:{bag}/{size_text(size)}", format, dim, size, "zentorch",
                   bag=bag, batch=batch)


def others(options):
    for peer, size, dim in product(OTHER_PEERS, SIZES, DIMS[:3]):
        yield cell(options, f"others/{peer}/f32/dim:{dim}/{size_text(size)}", "f32", dim, size, peer)


GRIDS = {"named": named, "dims": dims, "short": short, "lookup": lookup, "batches": batches, "overwritten": overwritten,
         "zentorch": zentorch, "others": others}


def log_uniform(rng, low, high):
    """A whole number in [low, high], whose logarithm is uniform."""
    drawn = int(math.exp(rng.uniform(math.log(low), math.log(high + 1))))
    return min(max(low, drawn), high)


def random_shape(rng):
    """A mean is rare: PyTorch has no fast path for it, so that many of them would hide how the others compare."""
    format, dim, bag = rng.choice(FORMATS), log_uniform(rng, 1, 2048), log_uniform(rng, 1, 200)
    poolings = ["sum", "sum", "sum", "weighted", "weighted"] + ["mean"] * (format in FLOATS)
    return Shape(format, dim + dim % 2 if format == "int4" else dim, log_uniform(rng, 512, 256 * KIB) * KIB, bag,
                 round(log_uniform(rng, 1000, 20000) / bag), rng.choice(poolings), rng.choice(["int32", "int64"]),
                 rng.choice([None, ZIPF]))


def random_name(shape):
    """All of the shape."""
    law = "uniform" if shape.zipf is None else f"zipf:{shape.zipf}"
    return (f"random/{shape.format}/dim:{shape.dim}/bag:{shape.bag}/batch:{shape.batch}/{size_text(shape.size)}/{law}/"
            f"{shape.index}/{shape.pooling}")


def random_cells(options):
    """The same shapes for the same seed, however many of them are asked for."""
    for number in range(options.random):
        shape = random_shape(random.Random(f"{options.seed}/{number}"))
        yield Cell(random_name(shape), shape, "torch", options.between)
