"""Files to searchable lines. Knows nothing of questions."""
