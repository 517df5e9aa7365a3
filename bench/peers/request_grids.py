"""The grids of whole requests: which models, batches and peers, by what names. Python's standard library is all it
needs."""
import random
from itertools import product
from typing import NamedTuple

from table_grids import ZIPF, log_uniform

# Of 26 tables: rows, and lookups a sample. MLPerf's DLRM-DCNv2 has these rows and lookups, and dim 128; the original
# DLRM looks one row up in each.
CRITEO_ROWS = [40000000, 39060, 17295, 7424, 20265, 3, 7122, 1543, 63, 40000000, 3067956, 405282, 10, 2209, 11938, 155,
               4, 976, 14, 40000000, 40000000, 40000000, 590152, 12973, 108, 36]
DCN_LOOKUPS = [3, 2, 1, 2, 6, 1, 1, 1, 1, 7, 3, 8, 1, 6, 9, 5, 1, 1, 1, 12, 100, 27, 10, 3, 1, 1]
DCN_DIM = 128
MAX_LOOKUPS = 200_000  # of a random request


class Feature(NamedTuple):
    """A table, and how many of its rows a bag has."""
    format: str
    dim: int
    rows: int
    lookups: int


class Request(NamedTuple):
    """A bag of each feature for each sample of a batch."""
    features: tuple
    batch: int
    pooling: str = "sum"
    zipf: float | None = None

    @property
    def lookups(self):
        return self.batch * sum(feature.lookups for feature in self.features)


class Cell(NamedTuple):
    """A request beside that one of request_peers.PEERS, on so many threads; between is for Stretch."""
    name: str
    request: Request
    peer: str
    threads: int
    between: int


def named(options):
    """DLRM-DCNv2 in batches, and the latency of single samples whose tables are in the cache."""
    cap, batches = (100_000, [64]) if options.quick else (1_000_000, [64, 512])
    wanted = [("request", peer, cap, batch, threads)
              for peer in ("tbe", "torch") for batch in batches for threads in (1, 2)]
    wanted += [("latency", peer, 250, 1, 1) for peer in ("tbe", "tbe-module")]
    for group, peer, cap, batch, threads in wanted:
        features = criteo("int8" if peer == "torch" else "tbe-int8", DCN_DIM, cap, DCN_LOOKUPS)
        yield Cell(f"{group}/dlrm:{cap}/batch:{batch}/threads:{threads}/{peer}",
                   Request(features, batch, zipf=options.zipf), peer, threads, options.between)


def criteo(format, dim, cap, lookups):
    return tuple(Feature(format, dim, min(rows, cap), count) for rows, count in zip(CRITEO_ROWS, lookups))


def requests(options):
    zipf = ZIPF if options.zipf is None else options.zipf
    for format, dim, lookups, batch in product(("tbe-int8", "f16"), (16, 32, 64, 128), (1, 4), (1, 32, 128, 2048)):
        features = criteo(format, dim, 200_000, [lookups] * len(CRITEO_ROWS))
        yield Cell(f"requests/criteo:200000/{format}/dim:{dim}/bag:{lookups}/batch:{batch}/zipf:{zipf}",
                   Request(features, batch, zipf=zipf), "tbe", 1, options.between)


def zentorch(options):
    for format, batch in product(("int4", "f32"), (1, 64, 512)):
        features = criteo(format, DCN_DIM, 100_000 if options.quick else 1_000_000, DCN_LOOKUPS)
        yield Cell(f"zentorch-requests/dlrm:{features[0].rows}/{format}/batch:{batch}",
                   Request(features, batch, zipf=options.zipf), "zentorch", 1, options.between)


GRIDS = {"named": named, "requests": requests, "zentorch": zentorch}


def random_feature(rng):
    return Feature(rng.choice(["tbe-int8", "tbe-int4", "f16", "f32"]), 4 * log_uniform(rng, 1, 64),
                   log_uniform(rng, 10, 200_000), log_uniform(rng, 1, 50))


def random_request(rng):
    """TBE has one pooling for all tables."""
    features = tuple(random_feature(rng) for _ in range(log_uniform(rng, 1, 100)))
    most = MAX_LOOKUPS // sum(feature.lookups for feature in features)
    return Request(features, log_uniform(rng, 1, min(2048, most)), rng.choice(["sum", "mean"]),
                   rng.choice([None, ZIPF]))


def random_cells(options):
    """The same requests for the same seed, however many of them are asked for."""
    for number in range(options.random):
        request = random_request(random.Random(f"{options.seed}/{number}"))
        law = "uniform" if request.zipf is None else f"zipf:{request.zipf}"
        yield Cell(f"random-requests/{options.seed}:{number}/tables:{len(request.features)}/batch:{request.batch}/"
                   f"lookups:{request.lookups}/{law}/{request.pooling}", request, "tbe", 1, options.between)
