"""Two sides timed in turns, so that a slow moment of the machine slows both."""
import functools
import time
from typing import Any, Callable, NamedTuple

import numpy as np

MIN_PAIRS = 31


class Side(NamedTuple):
    """A call and what it is given in turn: inputs[k] of both sides hold the same ids."""
    call: Callable[[Any], Any]
    inputs: list


class Pairs(NamedTuple):
    """Nanoseconds of each call of both sides, pair by pair."""
    ours: np.ndarray
    theirs: np.ndarray

    @property
    def ratios(self):
        return self.theirs / self.ours


class Stretch(NamedTuple):
    """How a side is timed: by which clock, over how many calls, after how many untimed ones and what else. With
    threads, the untimed ones wake one's own and outlast the time for which those of the other side, idle, keep a core
    busy."""
    clock: Callable[[], int]
    calls: int = 1
    untimed: int = 0
    before: Callable[[], Any] = lambda: None


def timed(side, first, stretch):
    """Nanoseconds a call, from input `first` on."""
    def given(at):
        return side.inputs[at % len(side.inputs)]

    for at in range(first - stretch.untimed, first):
        side.call(given(at))
    stretch.before()
    start = stretch.clock()
    for at in range(first, first + stretch.calls):
        side.call(given(at))
    return (stretch.clock() - start) / stretch.calls


def measure(ours, theirs, stretch, seconds, min_pairs=MIN_PAIRS):
    """Pairs for that long, and not fewer than min_pairs. The sides are half a round of inputs apart: on the same ids at
    once, the second one would find in the cache what the first one has brought there."""
    apart = len(ours.inputs) // 2
    pairs = []
    end = time.perf_counter() + seconds
    while len(pairs) < min_pairs or time.perf_counter() < end:
        at = len(pairs) * stretch.calls
        turns = [(ours, at), (theirs, at + apart)]
        order = 1 if len(pairs) % 2 == 0 else -1
        times = [timed(side, first % len(side.inputs), stretch) for side, first in turns[::order]]
        pairs.append(times[::order])
    return Pairs(*np.array(pairs).T)


def calls_for(nanoseconds, one, most):
    return int(np.clip(nanoseconds / one, 1, most))


def serial_stretch(side, clock):
    """For calls on one thread: enough of them for ten microseconds, beside which reading a processor's time does not
    show."""
    one = timed(side, 0, Stretch(clock, 3, 3))
    return Stretch(clock, calls_for(1e4, one, 100))


def parallel_stretch(side):
    """For calls on several threads: wall clock, and enough calls for some milliseconds."""
    one = timed(side, 0, Stretch(time.perf_counter_ns, 3, 3))
    return Stretch(time.perf_counter_ns, calls_for(6e6, one, 16), calls_for(10e6, one, 100))


@functools.lru_cache(maxsize=1)
def overwriting(size):
    """Writes so many bytes of other memory, as a dense network does. It reads them, too: mere stores of many bytes may
    go past the caches."""
    memory = np.zeros(size // 4, np.float32)
    return functools.partial(np.add, memory, 1, out=memory)


def with_caches_overwritten(stretch, size):
    """Each call after so many bytes of other memory were written; as it is for none."""
    return stretch._replace(calls=1, before=overwriting(size)) if size else stretch


def best_of(sides, stretch, rounds=7):
    """The position of the side with the smallest median, timed in turns."""
    times = [[timed(side, k % len(side.inputs), stretch) for side in sides] for k in range(rounds)]
    return int(np.argmin(np.median(times, axis=0)))
