"""What an answer, its citations and its retrieval are worth: small pure functions over plain values.

None means that a measure does not apply (nothing to cite, nothing cited, no question of that kind), never that
something failed: a failure is 0. Means over cases, intervals and tests of difference belong to the caller.
"""
