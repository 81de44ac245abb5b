from contract.vector_index import VectorIndexContract

from kb.index.vectors import ExactIndex


class TestExactIndex(VectorIndexContract):
    index_class = ExactIndex
