"""The knowledge base: reads notes and transcripts, indexes them, searches them, answers from them."""
