"""Where the topic turns.

TextTiling (Hearst, "TextTiling: Segmenting text into multi-paragraph subtopic passages", 1997) over embeddings: the
gap between two chunks is compared by the similarity of what is said before and after it; where that similarity dips
deepest below the hills on both sides, the topic turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kb.model import Chunk

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kb.ports import Vectors

WINDOW = 6  # chunks before and after a gap that are compared: about three minutes each
DEVIATIONS = 0.8  # how far above the mean a dip's depth has to be, in standard deviations
SHORTEST_S = 75.0  # a section of an episode of ten minutes and more; an eighth of a shorter one
SHORTEST_CHUNKS = 2
LONGEST_S = 900.0  # a longer section is parted at its deepest dip


def boundaries(vectors: Vectors, chunks: Sequence[Chunk]) -> tuple[int, ...]:
    """The chunks at which a new section begins, ascending, without the first.

    ``vectors`` is ``(len(chunks), dimension)``, rows of length one in the order of ``chunks``.
    """
    import numpy as np

    if len(chunks) < 2 * SHORTEST_CHUNKS or len(vectors) != len(chunks):
        return ()
    depths = _depths(_similarities(np.asarray(vectors, dtype=np.float64)))
    positive = depths[depths > 0]
    if not len(positive):
        return ()
    threshold = float(depths.mean() + DEVIATIONS * depths.std())
    starts = [(chunk.start_s or 0.0) for chunk in chunks] + [chunks[-1].end_s or 0.0]
    found: list[int] = []
    for gap in np.argsort(-depths, kind="stable").tolist():  # the deepest first: a shallower one too near it yields
        if depths[gap] <= threshold:
            break
        _admit(gap + 1, found, starts)
    _part_long_ones(found, depths, starts)
    return tuple(sorted(found))


def _similarities(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the means before and after each of the ``n - 1`` gaps."""
    import numpy as np

    n = len(vectors)
    window = max(2, min(WINDOW, n // 4))
    sums = np.vstack([np.zeros((1, vectors.shape[1])), np.cumsum(vectors, axis=0)])
    gaps = np.arange(1, n)
    before = sums[gaps] - sums[np.maximum(gaps - window, 0)]
    after = sums[np.minimum(gaps + window, n)] - sums[gaps]
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    return np.asarray((before * after).sum(axis=1) / np.maximum(lengths, 1e-12))


def _depths(similarities: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each gap lies below the nearest hill on its left and on its right, added."""
    import numpy as np

    depths = np.zeros(len(similarities))
    for gap, here in enumerate(similarities):
        left = right = here
        for value in similarities[gap::-1]:
            if value < left:
                break
            left = value
        for value in similarities[gap:]:
            if value < right:
                break
            right = value
        depths[gap] = left + right - 2 * here
    return depths


def _admit(chunk: int, found: list[int], starts: Sequence[float]) -> None:
    """Takes a boundary up where it leaves no section too short."""
    edges = [0, *found, len(starts) - 1]
    shortest = min(SHORTEST_S, (starts[-1] - starts[0]) / 8)
    if all(abs(chunk - e) >= SHORTEST_CHUNKS and abs(starts[chunk] - starts[e]) >= shortest for e in edges):
        found.append(chunk)


def _part_long_ones(found: list[int], depths: NDArray[np.float64], starts: Sequence[float]) -> None:
    """Parts what is too long to be one section at its deepest gap, again and again."""
    todo = list(zip([0, *sorted(found)], [*sorted(found), len(starts) - 1], strict=True))
    while todo:
        first, end = todo.pop()
        if starts[end] - starts[first] <= LONGEST_S:
            continue
        inside = range(first + SHORTEST_CHUNKS, end - SHORTEST_CHUNKS + 1)
        before = len(found)
        for chunk in sorted(inside, key=lambda c: (-depths[c - 1], c)):
            _admit(chunk, found, starts)
            if len(found) > before:
                todo += [(first, chunk), (chunk, end)]
                break
