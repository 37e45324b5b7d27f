"""A run as one HTML page: `report.html` with the data put in, readable with no network and no server.

Article and model text is hostile. The page carries its data as escaped JSON, draws all text as text
nodes, and its content security policy lets only its own script and style run and nothing be fetched.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from pathlib import Path
from typing import Any

_TEMPLATE = Path(__file__).with_name("report.html")


def render(data: dict[str, Any]) -> str:
    """The page for one run; numbers that JSON cannot hold are shown as missing."""
    page = _TEMPLATE.read_text(encoding="utf-8")
    for tag in ("style", "script"):
        page = page.replace("{{" + tag + "}}", _source(page, tag))
    before, mark, after = page.partition("{{data}}")
    if not mark:
        raise ValueError(f"{_TEMPLATE} has no place for the data")
    text = json.dumps(_finite(data), allow_nan=False, default=str, separators=(",", ":"))
    for character in "<>&":  # json.dumps has escaped all that is not ASCII
        text = text.replace(character, f"\\u{ord(character):04x}")
    return before + text + after


def write_report(data: dict[str, Any], path: Path) -> None:
    """Write the page for one run to `path`."""
    path.write_text(render(data), encoding="utf-8", newline="\n")


def _source(page: str, tag: str) -> str:
    """The policy's name for the page's one inline `tag`: the hash of its text."""
    (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
