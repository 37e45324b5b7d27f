"""Question to checked, cited answer.

>>> from rag import ask
>>> answer = ask("Was the letter signed?", corpus="articles")  # doctest: +SKIP
>>> print(answer.text, [str(c) for c in answer.citations])  # doctest: +SKIP
"""

from rag.attributable import attributable
from rag.chain import ask, search, stream
from rag.types import Answer, CheckResult, Citation, Claim, Conflict, Hit, Progress, Usage
from rag.verify import check

__all__ = [
    "Answer",
    "CheckResult",
    "Citation",
    "Claim",
    "Conflict",
    "Hit",
    "Progress",
    "Usage",
    "ask",
    "attributable",
    "check",
    "search",
    "stream",
]
