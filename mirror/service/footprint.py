"""Footprint: gives memory back to the system after a pass; between passes a daemon should be small."""

from __future__ import annotations

import ctypes
import gc
import sys

# mallopt's number for the most heaps that threads may have; each keeps its own leftovers.
_M_ARENA_MAX = -8


def share_heaps() -> None:
    """Let all threads of this process share one heap, where glibc is the allocator."""
    tune = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if tune is not None:
        tune(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Collect what is unreachable, and let glibc return what is free; elsewhere only the former."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
