"""The report in a real browser: every figure, filter and key, with hostile text in every field."""

from __future__ import annotations

import json
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from evals import ARTICLES, CASES
from evals.report import render, write_report

EVIL = '</script><img src=x onerror="window.pwned=1"><script>window.pwned=1</script>\u2028<!--<svg onload=pwned()>&amp;'
LABELS = {
    "passed": ("Cases passed", "Right answer, right lines, nothing forbidden; or rightly no answer."),
    "parts": ("Parts found", "Share of the parts that an answer must say."),
    "line_recall": ("Citation recall", "Share of the gold line groups that the answer cites."),
    "line_precision": ("Citation precision", "Share of the cited lines that are gold."),
    "hit_at_5": ("Found in the first 5", "A gold line stands among the first five hits."),
    "forbidden": ("Forbidden parts", "Share of answers that say what they must not."),
    "ndcg": ("nDCG at 10", "Order of the hits, each group of gold lines counted once."),
    "rouge_l": ("ROUGE-L", "Longest common run of words with the expected answer."),
}


def share(measure: str, values: list[float]) -> dict[str, Any]:
    mean = sum(values) / len(values)
    wide = 1.96 * (mean * (1 - mean) / len(values)) ** 0.5
    return {
        "measure": measure,
        "mean": mean,
        "low": max(0.0, mean - wide),
        "high": min(1.0, mean + wide),
        "n": len(values),
    }


def context(evidence: list[list[dict[str, Any]]], cited: list[dict[str, Any]]) -> list[dict[str, Any]]:
    gold = {(e["file"], n) for g in evidence for e in g for n in range(e["line_start"], e["line_end"] + 1)}
    given = {(c["file"], n) for c in cited for n in range(c["line_start"], c["line_end"] + 1)}
    out = []
    for file in sorted({f for f, _ in gold | given}):
        text = (ARTICLES / file).read_text(encoding="utf-8", errors="replace").splitlines()
        near = {n + d for f, n in gold | given if f == file for d in range(-2, 3)}
        lines, last = [], 0
        for n in sorted(n for n in near if 1 <= n <= len(text)):
            line = {"n": n, "text": text[n - 1], "gold": (file, n) in gold, "given": (file, n) in given}
            lines.append({**line, "gap": n != last + 1})
            last = n
        title = re.sub(r"[\d_-]+", " ", Path(file).stem).strip().capitalize()
        out.append(
            {
                "file": file,
                "title": title,
                "date": day[0] if (day := re.findall(r"\d{4}-\d\d-\d\d", file)) else None,
                "lines": lines,
            }
        )
    return out


def made_case(raw: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """A pair of the sample with an invented answer."""
    evidence, answerable = raw.get("evidence", []), raw.get("answerable", True)
    luck = rng.random()
    passed = luck < 0.83
    gold = evidence[0][0] if evidence else {"file": "2020-01-08_in-brief.txt", "line_start": 4, "line_end": 4}
    away = {**gold, "line_start": max(1, gold["line_start"] - 4), "line_end": max(1, gold["line_start"] - 4)}
    abstained = passed if not answerable else luck > 0.95
    cited = [] if abstained else [gold, away] if passed and luck < 0.2 else [gold if passed or luck < 0.9 else away]
    cause = None
    if not passed:
        wrong = ["not indexed", "not retrieved", "not cited", "wrong lines", "wrong answer"]
        cause = (
            "should have abstained" if not answerable else "should have answered" if abstained else rng.choice(wrong)
        )
    citations = [{**c, "place": f"{c['file']}:{c['line_start']}", "text": "the cited words"} for c in cited]
    verdict = rng.choice(["supported", "supported", "supported", "moved", "partial"])
    text = "The articles do not say." if abstained else raw["answer"] if passed else "He said that it was 1,500 men."
    claim = {
        "text": text,
        "verdict": verdict,
        "citations": citations,
        "reasons": [] if verdict == "supported" else ["the sources say nothing of “1,500”"],
    }
    removed = [
        {"text": "Nobody was hurt.", "verdict": "unsupported", "reasons": ["no source says “hurt”"], "citations": []}
    ]
    seconds = {"search": 0.02 + rng.random() / 50, "model": rng.lognormvariate(-1.2, 0.6), "check": 0.01}
    kind = "broken" if not passed and luck > 0.92 else "fixed" if passed and luck < 0.06 else "same"
    measured = [m for m in LABELS if m not in ("passed", "forbidden")]
    scores = {m: (1.0 if passed else rng.choice([0.0, 0.5])) if answerable else None for m in measured}
    before = {"passed": True, "outcome": "answered-right", "cause": None, "text": raw["answer"]}
    if kind == "fixed":
        before = {"passed": False, "outcome": "answered-wrong", "cause": "wrong lines", "text": "Some 1,500 men."}
    return {
        **{k: raw.get(k, []) for k in ("history", "accepted", "must_include", "must_not_include")},
        **{k: raw.get(k) for k in ("id", "question", "type", "note")},
        "repeat": 0,
        "answerable": answerable,
        "expected": raw["answer"],
        "evidence": evidence,
        "passed": passed,
        "outcome": f"{'abstained' if abstained else 'answered'}-{'right' if passed else 'wrong'}",
        "cause": cause,
        "error": None,
        "scores": {"passed": float(passed), "forbidden": 0.0, **scores},
        "missing_parts": [] if passed else raw.get("must_include", [])[:1],
        "found_forbidden": [],
        "answer": {
            "text": text if abstained else f"{text} [1]",
            "abstained": abstained,
            "mode": "model",
            "degraded": None,
            "confidence": min(1.0, 0.35 + 0.6 * rng.random() + 0.1 * passed),
            "claims": [] if abstained else [claim],
            "removed": removed if luck > 0.7 else [],
            "conflicts": [],
            "nearest": [{"place": f"{gold['file']}:4", "text": "Nearest words.", "score": 3.2}] if abstained else [],
            "usage": {"model": "small-1", "prompt_tokens": 1800, "completion_tokens": 60, "seconds": seconds},
        },
        "context": context(evidence, cited),
        "change": {"kind": kind, "before": {**before, "scores": {"line_recall": 0.5, "passed": 0.0}}},
    }


def hostile_case() -> dict[str, Any]:
    """Markup in every field, and the one case whose lines are gold, given, both and neither."""
    lines = [
        {"n": 3, "text": EVIL, "gold": False, "given": False, "gap": True},
        {"n": 4, "text": "Only gold.", "gold": True, "given": False, "gap": False},
        {"n": 5, "text": "Gold and given: the ferry carried 214 people.", "gold": True, "given": True, "gap": False},
        {"n": 9, "text": "Only given.", "gold": False, "given": True, "gap": True},
    ]
    place = {"file": EVIL, "line_start": 5, "line_end": 5, "place": f"{EVIL}:5", "text": EVIL}
    claim = {
        "text": EVIL,
        "verdict": "partial",
        "reasons": [EVIL, "the number 215 is not in the lines"],
        "citations": [place],
    }
    return {
        "id": "hostile & odd",
        "repeat": 0,
        "type": "fact",
        "question": f"How many people did the ferry carry? {EVIL}",
        "history": [EVIL],
        "answerable": True,
        "expected": "214 people",
        "accepted": [EVIL],
        "must_include": [["214", "two hundred"], ["ferry"]],
        "must_not_include": ["215", EVIL],
        "note": EVIL,
        "evidence": [[{"file": EVIL, "line_start": 4, "line_end": 5}]],
        "passed": False,
        "outcome": "answered-wrong",
        "cause": "wrong answer",
        "error": None,
        "scores": {"line_recall": 0.5, "parts": None, EVIL: 1.0},
        "missing_parts": [["214", "two hundred"]],
        "found_forbidden": ["215"],
        "answer": {
            "text": f"The ferry carried 215 people. {EVIL}",
            "abstained": False,
            "mode": "model",
            "degraded": EVIL,
            "confidence": 0.7,
            "claims": [claim],
            "removed": [claim],
            "conflicts": [{"sides": [claim, claim]}],
            "nearest": [{"place": EVIL, "text": EVIL, "score": 1.0}],
            "usage": {"model": EVIL, "prompt_tokens": 1, "completion_tokens": 2, "seconds": {EVIL: 0.5}},
        },
        "context": [{"file": EVIL, "title": EVIL, "date": "2020-01-06", "lines": lines}],
        "change": {
            "kind": "broken",
            "before": {"passed": True, "outcome": "answered-right", "text": EVIL, "scores": {}},
        },
    }


def error_case() -> dict[str, Any]:
    """What a case holds at the least."""
    return {
        "id": "gone",
        "type": "who",
        "question": "Who rang the bell?",
        "answerable": True,
        "expected": "The verger.",
        "passed": False,
        "outcome": "error",
        "cause": "error",
        "error": "ModelError: the model did not reply within 60 s. Try again, or raise BYLINE_TIMEOUT.",
        "answer": None,
        "change": {"kind": "new", "before": None},
    }


def make_data() -> dict[str, Any]:
    """A run over every second sample pair, with answers drawn by a seeded generator."""
    rng = random.Random(3)
    raw = [
        json.loads(row) for file in sorted(CASES.glob("sample_*.jsonl")) for row in file.read_text("utf-8").splitlines()
    ]
    pairs = [made_case(r, rng) for r in raw[::2]]
    cases = [*pairs, hostile_case(), error_case()]
    for case in cases:
        case["type"] = case["type"] or "fact"
    values = {m: [v for c in pairs if (v := c["scores"][m]) is not None] for m in LABELS}
    head = ("passed", "parts", "line_recall", "line_precision", "hit_at_5")
    summary: list[dict[str, Any]] = [
        {
            **share(m, values[m]),
            "label": label,
            "help": text,
            "better": -1 if m == "forbidden" else 1,
            "kind": "share",
            "without_errors": sum(values[m]) / len(values[m]) + 0.004,
            "headline": m in head,
        }
        for m, (label, text) in LABELS.items()
    ]
    total = [sum(c["answer"]["usage"]["seconds"].values()) for c in pairs]
    timing = {"measure": "seconds", "label": "Seconds a question", "help": "Search, model and check.", "better": -1}
    summary.append(
        {**timing, "kind": "seconds", "n": len(total), "mean": 0.43, "low": 0.4, "high": 0.47, "headline": True}
    )
    tokens = {"measure": "tokens", "label": "Tokens a question", "help": "In and out.", "better": -1, "kind": "number"}
    summary.append({**tokens, "n": 230, "mean": 1860.0, "low": 1790.0, "high": 1930.0, "headline": False})
    types = sorted({c["type"] for c in pairs})
    by_type = []
    for kind in types:
        mine = [c for c in pairs if c["type"] == kind]
        found = {m: [v for c in mine if (v := c["scores"][m]) is not None] for m in LABELS}
        by_type.append({"type": kind, "n": len(mine), "measures": {m: share(m, v) for m, v in found.items() if v}})
    bins = [[c for c in pairs if low <= 10 * c["answer"]["confidence"] < low + 1] for low in range(10)]
    reliability = [
        {
            "low": i / 10,
            "high": (i + 1) / 10,
            "n": len(b),
            "confidence": sum(c["answer"]["confidence"] for c in b) / len(b),
            "share": sum(c["passed"] for c in b) / len(b),
        }
        for i, b in enumerate(bins)
        if b
    ]
    rows = [
        {
            "measure": m,
            "label": LABELS[m][0],
            "before": 0.82,
            "after": 0.82 + d,
            "diff": d,
            "low": d - 0.04,
            "high": d + 0.045,
            "p": 0.2 if abs(d) < 0.05 else 0.0004,
            "p_holm": 0.61 if abs(d) < 0.05 else 0.0024,
            "test": "exact McNemar" if m == "passed" else "paired permutation",
            "significant": abs(d) > 0.05,
            "wins": 14,
            "losses": 6,
            "ties": 210,
            "detectable": 0.071,
        }
        for m, d in (
            ("passed", 0.012),
            ("line_recall", 0.065),
            ("line_precision", -0.081),
            ("hit_at_5", 0.0),
            ("ndcg", 0.02),
        )
    ]
    return {
        "name": "terse-prompt",
        "byline": "0.4.0",
        "made": "2026-03-02T14:05:09+00:00",
        "run": {
            "corpus": "evals/articles",
            "corpus_hash": "51f0c2d1",
            "cases": {"sample_a.jsonl": "9a1b2c", "sample_b.jsonl": "77d0e1"},
            "model": "small-1",
            "mode": "model",
            "embedder": "minilm",
            "packages": {"chromadb": "1.5.9", "numpy": "2.3.1"},
            "seed": 0,
            "tags": [],
            "prompt": EVIL,
        },
        "summary": summary,
        "by_type": by_type,
        "outcomes": Counter(c["outcome"] for c in cases),
        "causes": Counter(c["cause"] for c in cases if c["cause"]),
        "reliability": reliability,
        "brier": 0.143,
        "seconds": {
            "total": [*total, 9.5],
            "stages": {
                "search": {"p50": 0.03, "p95": 0.04},
                "model": {"p50": 0.3, "p95": 0.81},
                "check": {"p50": 0.01, "p95": 0.01},
            },
        },
        "too_small": "with 230 cases a drop below 7.1 points cannot be seen",
        "cases": cases,
        "comparison": {
            "with": "main",
            "rows": rows,
            "fixed": [c["id"] for c in cases if c["change"]["kind"] == "fixed"],
            "broken": [c["id"] for c in cases if c["change"]["kind"] == "broken"],
            "only_one": ["gone", "an-old-case"],
        },
    }


DATA = make_data()
N = len(DATA["cases"])


class Visit:
    """Opens a file in the one page, and keeps what it fetched from elsewhere or complained of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.file = Path()
        self.trouble: list[str] = []
        page.set_default_timeout(10_000)
        page.on("request", lambda r: r.url.split("#")[0] == self.file.as_uri() or self.trouble.append(r.url))
        page.on("console", lambda m: self.trouble.append(m.text))
        page.on("pageerror", lambda e: self.trouble.append(str(e)))

    def __call__(self, file: Path, address: str = "", width: int = 1280, dark: bool = False) -> Page:
        self.file = file
        self.page.emulate_media(media="screen", color_scheme="dark" if dark else "light")
        self.page.set_viewport_size({"width": width, "height": 800})
        self.page.goto("about:blank")  # else a new address of the same file would load nothing
        self.page.goto(file.as_uri() + address)
        return self.page


@pytest.fixture(scope="module")
def opened(browser: Browser) -> Iterator[Visit]:
    page = browser.new_page()
    yield Visit(page)
    page.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(DATA, path)
    return path


@pytest.fixture
def visit(opened: Visit) -> Iterator[Visit]:
    """Fails a test whose page fetched, complained or ran a stranger's script."""
    opened.trouble.clear()
    yield opened
    assert opened.page.evaluate("window.pwned === undefined")
    assert opened.trouble == []


def rows(page: Page) -> int:
    return page.locator("#cases tbody tr:has(a)").count()


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.textContent"))


def expect_focus(page: Page, text: str) -> None:
    """Wait until the element with this text has the focus; TimeoutError where it does not get it."""
    page.wait_for_function("text => document.activeElement.textContent === text", arg=text)


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


def failing_contrast(page: Page) -> list[list[str]]:
    """Every visible text below 4.5, by the formula of WCAG 2."""
    found: list[list[str]] = page.evaluate(
        """() => {
        const channels = colour => colour.match(/[\\d.]+/g).map(Number);
        const light = ([r, g, b]) => [r, g, b].map(c => (c /= 255) <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
            .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
        const behind = node => {
            for (; node; node = node.parentElement) {
                const c = channels(getComputedStyle(node).backgroundColor);
                if (c.length < 4 || c[3] === 1) return c;
                if (c[3] > 0) throw new Error("a see-through background");
            }
        };
        const out = [];
        for (const node of document.querySelectorAll("body *")) {
            if (![...node.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || !node.getClientRects().length) continue;
            if (node.closest("script, style, noscript, .sr, option, :disabled")) continue;
            const style = getComputedStyle(node), ink = light(channels(node.closest("svg") ? style.fill : style.color));
            const paper = light(behind(node)), ratio = (Math.max(ink, paper) + .05) / (Math.min(ink, paper) + .05);
            if (ratio < 4.5) out.push([node.textContent.slice(0, 40), node.className.toString(), ratio.toFixed(2)]);
        }
        return out;
    }"""
    )
    return found


def test_nothing_leaves_the_data_block() -> None:
    page = render({"name": EVIL, "cases": [], "brier": float("nan"), "low": float("inf"), "lone": "\ud800"})
    block = page.split('<script type="application/json" id="data">')[1].split("</script>")[0]
    assert not re.search("[<>&\u2028\u2029]", block)
    assert json.loads(block) == {"name": EVIL, "cases": [], "brier": None, "low": None, "lone": "\ud800"}
    assert page.count("<script") == 2
    assert page.count("</script>") == 2


def test_the_template_draws_with_text_nodes_and_names_no_address() -> None:
    page = render({})
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b\(|new Function", page
    )
    assert set(re.findall(r"https?://[^\"]+", page)) == {"http://www.w3.org/2000/svg"}
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy
    assert policy[1].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy[1]
    assert "{{" not in page


def test_the_policy_stops_what_is_not_the_report(visit: Visit, file: Path) -> None:
    page = visit(file)
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.pwned = 1'}))"
    )
    with page.expect_event("requestfailed") as failed:
        page.evaluate("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/x.png'}))")
    assert failed.value.failure == "csp"
    assert sum("Content Security Policy" in text for text in visit.trouble) == 2
    visit.trouble.clear()


def test_the_summary_and_plots_show_the_figures(visit: Visit, file: Path) -> None:
    page = visit(file)
    first = DATA["summary"][0]
    passed = sum(c["passed"] for c in DATA["cases"])
    assert page.title() == "terse-prompt · Byline eval report"
    assert f"{passed} of {N} cases passed." in page.inner_text("#deck")
    assert "1 case ended in an error and counts as 0." in page.inner_text("#deck")
    row = page.locator("#summary tbody tr", has_text="Cases passed").inner_text()
    assert f"{100 * first['mean']:.1f}\u00a0%" in row
    assert f"{100 * first['low']:.1f} to {100 * first['high']:.1f}\u00a0%" in row
    assert "With 230 cases a drop below 7.1 points cannot be seen." in page.inner_text("#summary")
    weakest = min(DATA["by_type"], key=lambda r: r["measures"]["passed"]["mean"])
    types = page.locator(".plots > div", has_text="By type").locator("tbody th")
    assert types.first.inner_text() == weakest["type"]
    page.select_option("#by-type-measure", "line_recall")
    assert types.count() == sum("line_recall" in row["measures"] for row in DATA["by_type"])
    assert page.locator(".four td.bad .count").first.inner_text() == str(DATA["outcomes"]["answered-wrong"])
    assert f"{N - 1} questions: " in page.inner_text("#plots")  # the two odd cases have none; one of 9.5 s is added
    assert "1 question took longer, up to 9.50\u00a0s." in page.inner_text("#plots")
    assert "Brier score 0.143" in page.inner_text("#plots")
    bins = page.locator("svg[aria-label^=Confidence] text").all_text_contents()
    assert {str(b["n"]) for b in DATA["reliability"]} <= set(bins)
    page.click("#manifest summary")
    assert EVIL.replace("\u2028", " ") in page.inner_text("#manifest").replace("\u2028", " ")


def test_the_comparison_says_what_can_be_told(visit: Visit, file: Path) -> None:
    page = visit(file)
    table = page.locator("#comparison table")
    assert "no clear difference" in table.locator("tr", has_text="Cases passed").inner_text()
    assert "better" in table.locator("tr", has_text="Citation recall").inner_text()
    precision = table.locator("tr", has_text="Citation precision").inner_text()
    assert "worse" in precision
    assert "−8.1\u00a0points" in precision
    assert "−12.1 to −3.6" in precision
    page.locator("#comparison summary", has_text="more").last.click()
    page.locator("#comparison a", has_text="How many people did the ferry").first.click()
    expect(page.locator("#case .kicker")).to_have_text(re.compile(r"hostile & odd\s*$"))
    page.keyboard.press("Escape")
    page.wait_for_function("document.activeElement.textContent.includes('How many people did the ferry')")
    assert page.locator("#comparison :focus").count() == 1


def test_filters_narrow_the_table_and_stand_in_the_address(visit: Visit, file: Path) -> None:
    page = visit(file)
    assert rows(page) == 50
    assert page.inner_text("#count") == f"{N} cases"
    page.select_option("#filter-type", "who")
    who = [c for c in DATA["cases"] if c["type"] == "who"]
    assert page.inner_text("#count") == f"{len(who)} of {N} cases"
    assert page.evaluate("location.hash") == "#type=who"
    page.select_option("#filter-result", "failed")
    assert rows(page) == sum(not c["passed"] for c in who)
    page.fill("#search", "rang VERGER")
    expect(page).to_have_url(file.as_uri() + "#q=rang+VERGER&type=who&result=failed")
    assert page.inner_text("#count") == f"1 of {N} cases"
    assert page.locator("#filter-outcome option").all_inner_texts()[1:] != []
    assert "error (1)" in page.locator("#filter-outcome option").all_inner_texts()
    page.fill("#search", "no such words")
    expect(page.locator("#count")).to_have_text(f"0 of {N} cases")
    assert "No case fits these filters." in page.inner_text("#cases")
    page.click("#clear")
    assert page.inner_text("#count") == f"{N} cases"
    for key, value in (("outcome", "abstained-right"), ("cause", "not cited")):
        page.select_option(f"#filter-{key}", value)
        assert rows(page) == min(50, sum(c[key] == value for c in DATA["cases"]))
        page.select_option(f"#filter-{key}", "")
    page.select_option("#filter-change", "fixed")
    assert rows(page) == len(DATA["comparison"]["fixed"])
    page.select_option("#filter-change", "")
    page.select_option("#filter-verdict", "partial")
    partial = [
        c for c in DATA["cases"] if c["answer"] and any(x["verdict"] == "partial" for x in c["answer"]["claims"])
    ]
    assert page.inner_text("#count") == f"{len(partial)} of {N} cases"


def test_columns_sort_and_pages_turn(visit: Visit, file: Path) -> None:
    page = visit(file)
    results = page.locator("#cases tbody td:first-child").all_inner_texts()
    assert results[0] == "error"  # what went wrong comes first
    assert results[1] == "failed"
    page.get_by_role("button", name="Question").click()
    up = page.locator("#cases tbody .q a").all_inner_texts()
    assert up[0].lower() < up[25].lower() < up[49].lower()
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("Question")
    page.get_by_role("button", name="Question").click()
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("Question")
    down = page.locator("#cases tbody .q a").all_inner_texts()
    assert down[0].lower() > down[49].lower() > up[49].lower()
    page.get_by_role("button", name="Next").first.click()
    assert page.evaluate("location.hash") == "#sort=-question&page=2"
    assert page.locator(".pager .num").first.inner_text() == f"51–100 of {N}"


def test_the_keyboard_alone_is_enough(visit: Visit, file: Path) -> None:
    page = visit(file)
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the cases"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "cases"
    page.keyboard.press("/")
    page.keyboard.type("jk")
    assert page.input_value("#search") == "jk"
    page.keyboard.press("Escape")
    assert page.input_value("#search") == ""
    page.keyboard.press("Escape")
    links = page.locator("#cases tbody .q a").all_inner_texts()
    page.keyboard.press("j")
    assert focused(page) == links[0]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert focused(page) == links[1]
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    heading = page.locator("#case h1")
    expect(
        page.locator("#case")
    ).to_be_visible()  # a followed link shows its case when the browser tells of the new hash
    expect(page.locator("#report")).to_be_hidden()
    expect(heading).to_have_text(links[1])
    expect_focus(page, links[1])
    for key, number in (("j", 2), ("ArrowRight", 3), ("k", 2)):
        page.keyboard.press(key)
        expect(heading).to_have_text(links[number])
    page.keyboard.press("Escape")
    expect(page.locator("#case")).to_be_hidden()
    expect_focus(page, links[2])
    page.go_back()
    expect(heading).to_have_text(links[2])
    page.keyboard.press("Escape")
    page.locator("#cases tbody .q a").last.focus()
    page.keyboard.press("j")
    assert page.locator(".pager .num").first.inner_text() == f"51–100 of {N}"
    assert focused(page) == page.locator("#cases tbody .q a").first.inner_text()


def test_a_case_shows_all_that_was_checked(visit: Visit, file: Path) -> None:
    page = visit(file, "#case=hostile+%26+odd")
    case = page.locator("#case")
    text = case.inner_text()
    for words in (
        "214 people",
        "answered wrong",
        "The right lines are cited, but the answer does not say",
        "Passed before, fails now.",
    ):
        assert words.lower() in text.lower()
    assert "missing 214 or two hundred" in text
    assert "found ferry" in text
    assert "found 215" in text
    assert case.locator("mark.forbidden", has_text="215").count() == 1
    assert case.locator("mark.found").count() == 1
    assert case.locator(".verdict").first.inner_text() == "partial"
    assert "the number 215 is not in the lines" in text
    looks = {}
    for row in case.locator(".file .line").all():
        style = row.evaluate(
            "n => { const s = getComputedStyle(n); return [s.borderLeftColor, s.borderLeftStyle, s.backgroundColor]; }"
        )
        looks[row.locator(".tag").inner_text()] = tuple(style)
    assert set(looks) == {"", "gold", "gold and given in claim 1", "given"}
    assert len(set(looks.values())) == 4
    assert case.locator(".legend .line").count() == 3
    case.locator("button.place").nth(1).click()
    assert focused(page).startswith("5Gold and given")


def test_hostile_text_stays_text(visit: Visit, file: Path) -> None:
    page = visit(file, "#case=hostile+%26+odd")
    assert page.locator("img, body script script, iframe").count() == 0
    assert page.locator("script").count() == 2
    assert EVIL.split("\u2028")[0] in page.inner_text("#case h1")
    page.keyboard.press("Escape")
    page.fill("#search", "onerror")
    expect(page.locator("#count")).to_have_text(f"1 of {N} cases")
    assert page.locator("img").count() == 0


def test_addresses_open_cases_and_filters(visit: Visit, file: Path) -> None:
    page = visit(file, "#case=gone")
    assert page.inner_text("#case h1") == "Who rang the bell?"
    assert "did not reply within 60 s" in page.inner_text("#case")
    page.evaluate("location.hash = '#cause=not+cited'")
    page.wait_for_selector("#report:visible")
    assert page.input_value("#filter-cause") == "not cited"
    page.evaluate("location.hash = '#case=nobody'")
    expect(page.locator("#count")).to_contain_text("No case “nobody”")
    page.locator("#plots a", has_text="should have abstained").click()
    expect(page.locator("#filter-cause")).to_have_value("should have abstained")
    page.wait_for_function("Math.abs(document.querySelector('#cases').getBoundingClientRect().top) < 500")


@pytest.mark.parametrize("address", ["", "#case=hostile+%26+odd"])
def test_a_phone_needs_no_sideways_scroll(visit: Visit, file: Path, address: str) -> None:
    page = visit(file, address, width=360)
    for summary in page.locator("summary:visible").all():
        summary.click()
    assert overflow(page) <= 0
    wide = "[...document.querySelectorAll('main *:not(.sr)')].filter(n => n.getBoundingClientRect().right > 361).map(n => n.outerHTML.slice(0, 90))"
    assert page.evaluate(wide) == []


def test_dark_and_light_are_readable(visit: Visit, file: Path) -> None:
    papers = set()
    for dark in (False, True):
        page = visit(file, dark=dark)
        papers.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert failing_contrast(page) == []
        page.evaluate("location.hash = '#case=hostile+%26+odd'")
        page.wait_for_selector("#case:visible")
        assert failing_contrast(page) == []
    assert len(papers) == 2
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(252, 251, 248)"


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"name": "bare", "cases": [{"id": "a", "question": "Q?"}], "comparison": None, "summary": [{"measure": "m"}]},
        {"name": None, "cases": None, "summary": None, "run": None, "by_type": None, "comparison": {"with": "x"}},
    ],
)
def test_missing_keys_leave_a_page(visit: Visit, tmp_path: Path, data: dict[str, Any]) -> None:
    path = tmp_path / "bare.html"
    write_report(data, path)
    page = visit(path)
    assert page.locator("h1").first.is_visible()
    if data.get("cases"):
        page.locator("#cases tbody a").click()
        expect(page.locator("#case h1")).to_have_text("Q?")


def test_three_thousand_cases_stay_quick(visit: Visit, tmp_path: Path) -> None:
    path = tmp_path / "many.html"
    copies = [
        {**c, "id": f"{c['id']}-{i}", "context": c.get("context", [])[:1]} for i in range(1, 26) for c in DATA["cases"]
    ]
    write_report({**DATA, "cases": DATA["cases"] + copies}, path)
    page = visit(path)
    assert page.inner_text("#count") == f"{26 * N} cases"
    assert rows(page) == 50
    quick = """value => { const node = document.querySelector('#filter-result'), start = performance.now();
        node.value = value; node.dispatchEvent(new Event('change')); return performance.now() - start; }"""
    assert max(page.evaluate(quick, value) for value in ("failed", "passed", "")) < 500
    start = time.perf_counter()
    page.fill("#search", "rang bell gone-7")
    expect(page.locator("#count")).to_have_text(f"1 of {26 * N} cases")
    assert time.perf_counter() - start < 3
