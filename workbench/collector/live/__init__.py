"""The live page: the run as it happens, from the very files that its verdict will be made from.

It follows the journal and the raw rows of the run directory, and what the collector itself measures; it keeps no
rows, only what its charts need, in slots whose number is bounded. It decides nothing.
"""
