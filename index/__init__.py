"""Files to searchable lines. Knows nothing of questions."""

__version__ = "0.1.0"
