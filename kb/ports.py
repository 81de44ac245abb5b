"""The seams: what Hark needs from an embedding model and a vector index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:  # numpy takes longer to import than `hark status` takes
    import numpy as np
    from numpy.typing import NDArray

Vectors: TypeAlias = "NDArray[np.float32]"  # (n, dimension), each row of length one
Ids: TypeAlias = "NDArray[np.int64]"  # (n,)
Progress = Callable[[str, int, int], None]  # what is being done, done, total


def no_progress(what: str, done: int, total: int) -> None:
    """Reports nothing."""


class Embedder(Protocol):
    """Turns texts into unit vectors. ``model_id`` names the weights: equal ids give equal vectors."""

    @property
    def model_id(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Passages: ``(len(texts), dimension)``."""
        ...

    def encode_query(self, text: str) -> NDArray[np.float32]:
        """A query: ``(dimension,)``; models that ask for a query prefix get it here."""
        ...


class VectorIndex(Protocol):
    """Vectors under explicit ids, searched by inner product."""

    def __len__(self) -> int: ...

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Adds; an id that is there already is replaced."""
        ...

    def remove(self, ids: Ids) -> None:
        """Removes; ids that are not there are passed over."""
        ...

    def search(self, query: NDArray[np.float32], k: int, allowed: Ids | None = None) -> tuple[Ids, NDArray[np.float32]]:
        """The ``k`` nearest (fewer where there are fewer): ids and inner products, best first, ties by id.

        ``allowed`` restricts the search to those ids.
        """
        ...

    def scores(self, query: NDArray[np.float32], ids: Ids) -> NDArray[np.float32]:
        """The inner products of these ids, in their order. Raises KeyError for one that is not there."""
        ...
