from contract.vector_index import VectorIndexContract

from kb.index.vectors import FaissIndex


class TestFaissIndex(VectorIndexContract):
    index_class = FaissIndex
