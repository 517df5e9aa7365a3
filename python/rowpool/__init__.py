"""Embedding-bag inference on CPUs: tables from files or arrays, looked up and pooled."""
from ._core import Engine, Model, Table, TableFile, __version__, active_isa, open, pool

__all__ = ["Engine", "Model", "Table", "TableFile", "__version__", "active_isa", "open", "pool"]
