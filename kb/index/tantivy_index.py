"""One of tantivy's indexes in a folder: documents of an id and texts, written by one thread, read by BM25."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kb.errors import DiskFullError, LibraryDamagedError
from kb.index.schema import REMEDY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kb.index.stems import Stems
    from kb.ports import Ids

STEMMED, VERBATIM = "hark_stemmed", "hark_verbatim"  # tantivy's names for our analyzers
HEAP = 48_000_000  # bytes that the writer may gather before it writes
SPARE = 32  # asked for beyond what is wanted, so that ties at the end can be put in order


class TantivyIndex:
    """``stemmed`` fields are scored, ``verbatim`` ones hold positions for phrases, ``numbers`` are kept beside."""

    def __init__(
        self,
        folder: Path,
        stems: Stems,
        stemmed: Sequence[str],
        *,
        verbatim: Sequence[str] = (),
        numbers: Sequence[str] = (),
    ) -> None:
        """Opens the index in ``folder``, or makes an empty one there. Raises LibraryDamagedError."""
        import tantivy

        self._folder = folder
        builder = tantivy.SchemaBuilder()
        builder.add_integer_field("id", stored=False, indexed=True, fast=True)
        for name in numbers:
            builder.add_integer_field(name, stored=False, indexed=False, fast=True)
        for name in stemmed:
            builder.add_text_field(name, stored=False, tokenizer_name=STEMMED, index_option="freq")
        for name in verbatim:
            builder.add_text_field(name, stored=False, tokenizer_name=VERBATIM, index_option="position")
        self._schema = builder.build()
        self._index = self._open(stems)
        self._searcher = self._index.searcher()

    def _open(self, stems: Stems) -> Any:
        import tantivy

        self._folder.mkdir(parents=True, exist_ok=True)
        with _understood(self._folder):
            index = tantivy.Index(self._schema, path=str(self._folder))
        index.register_tokenizer(STEMMED, stems.stemming)
        index.register_tokenizer(VERBATIM, stems.verbatim)
        return index

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    # --- writing ---

    def update(self, added: Iterable[Mapping[str, int | str]], removed: Iterable[int]) -> None:
        """Removes and adds documents, and makes both visible together."""
        with _understood(self._folder):
            # One thread: several would order documents, and so ties, differently each time.
            writer = self._index.writer(HEAP, 1)
            for key in removed:
                writer.delete_documents_by_term("id", int(key))
            for values in added:
                writer.add_document(_document(values))
            writer.commit()
            writer.garbage_collect_files()
            writer.wait_merging_threads()
            self._index.reload()
            self._searcher = self._index.searcher()

    # --- reading ---

    def having(self, field: str, stem: str) -> int:
        """In how many documents a stem occurs."""
        return int(self._searcher.doc_freq(field, stem))

    def any_of(self, stems: Iterable[str], weights: Mapping[str, float]) -> list[Any]:
        """Clauses of which any may match: each stem in each field with its weight."""
        from tantivy import Occur

        fields = [(field, weight) for field, weight in weights.items() if weight > 0]
        return [(Occur.Should, self._term(field, stem, weight)) for stem in stems for field, weight in fields]

    def _term(self, field: str, stem: str, weight: float) -> Any:
        from tantivy import Query

        term = Query.term_query(self._schema, field, stem, "freq")
        return term if weight == 1 else Query.boost_query(term, weight)

    def phrase(self, field: str, words: Sequence[str]) -> Any:
        """A clause that must match: these words in this order. It adds nothing to a score."""
        from tantivy import Occur, Query

        if len(words) == 1:  # tantivy refuses a phrase of one word
            query = Query.term_query(self._schema, field, words[0], "freq")
        else:
            query = Query.phrase_query(self._schema, field, list(words))
        return Occur.Must, Query.const_score_query(query, 0.0)

    def required(self, clauses: Sequence[Any], ids: Ids) -> list[Any]:
        """``clauses`` among these ids; that an id is among them adds nothing to a score."""
        from tantivy import Occur, Query

        among = Query.term_set_query(self._schema, "id", [int(key) for key in ids])
        return [(Occur.Must, Query.boolean_query(list(clauses))), (Occur.Must, Query.const_score_query(among, 0.0))]

    def best(self, clauses: Sequence[Any], limit: int) -> tuple[Ids, NDArray[np.float32], Any]:
        """Ids and scores of up to ``limit`` documents, best first, ties by id; and tantivy's addresses of them."""
        from tantivy import Query

        if not clauses or limit <= 0:
            return np.empty(0, np.int64), np.empty(0, np.float32), []
        hits = self._searcher.search(Query.boolean_query(list(clauses)), limit + SPARE, False).hits
        addresses = [address for _, address in hits]
        ids = np.array(self._searcher.fast_field_values("id", addresses), np.int64)
        scores = np.array([score for score, _ in hits], np.float32)
        order = np.lexsort((ids, -scores))[:limit]
        return ids[order], scores[order], [addresses[at] for at in order]

    def numbers(self, field: str, addresses: Any) -> list[int]:
        """A number kept beside each document found."""
        return list(self._searcher.fast_field_values(field, addresses))


def _document(values: Mapping[str, int | str]) -> Any:
    from tantivy import Document

    document = Document()
    for field, value in values.items():
        if isinstance(value, int):
            document.add_integer(field, value)
        else:
            document.add_text(field, value)
    return document


@contextmanager
def _understood(folder: Path) -> Iterator[None]:
    """tantivy raises ValueError for everything, with the reason in its text, and panics over some damage."""
    damaged = LibraryDamagedError("the index of words cannot be used", where=str(folder), remedy=REMEDY)
    try:
        yield
    except ValueError as error:
        if "No space left" in str(error) or "os error 28" in str(error):
            raise DiskFullError("no space is left on the disk", where=str(folder), remedy="make room") from error
        raise damaged from error
    except BaseException as error:
        if type(error).__name__ == "PanicException":  # PyO3 derives it from BaseException, and exports it nowhere
            raise damaged from error
        raise
