"""Figures with their uncertainty: the percentile bootstrap over queries (Efron and Tibshirani, 1993)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
SEED = 20_240_229

Values = NDArray[np.float64]  # one value a query


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its 95% interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    def as_json(self) -> dict[str, object]:
        return {"value": round(self.value, 4), "ci95": [round(self.low, 4), round(self.high, 4)]}


def estimate(values: Values) -> Estimate:
    """The mean of one value a query; of differences of two systems, the paired difference."""
    picks = np.random.default_rng(SEED).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(values[picks].mean(axis=1), [2.5, 97.5])
    return Estimate(float(values.mean()), float(low), float(high))


def at_rank(ranks: NDArray[np.int64], measure: str) -> Values:
    """What each query is worth. ``ranks`` are those of the first right passage, from 1; 0 where there is none.

    ``measure`` is ``hit@K`` or ``mrr@K``; an unanswered query counts as zero.
    """
    name, depth = measure.split("@")
    found = (ranks > 0) & (ranks <= int(depth))
    worth = found.astype(np.float64)
    return worth if name == "hit" else np.divide(worth, ranks, out=np.zeros_like(worth), where=found)
