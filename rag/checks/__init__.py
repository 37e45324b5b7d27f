"""One check a module: each says in words what of a claim its evidence does not bear out."""
