"""`byline eval`: run, compare, check, add, report, sweep, selftest.

Exit status: 0 fine, 1 a gate failed or a case has a problem, 2 wrong use, 3 too many faults.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.tables import print_comparison, print_run, print_sweep
from index.errors import UsageError
from rag.settings import NO_CORPUS, Settings
from rag.terminal import plain, warn

if TYPE_CHECKING:
    from evals.cases import Case
    from evals.compare import Comparison
    from evals.runs import Run

FINE, GATE_FAILED, WRONG_USE, FAULTS = 0, 1, 2, 3

MAX_FAULTS = 0.02
"""Share of questions that may end in a fault before a run counts as broken rather than bad."""

ACTIONS = ("run", "compare", "check", "add", "report", "sweep", "judge", "selftest")

EXAMPLES = """examples:
  byline eval                                              the sample pairs
  byline eval run my_cases.jsonl -c articles --name before
  byline eval run my_cases.jsonl -c articles --name after --baseline before --html report.html
  byline eval compare before after --fail-on significant
  byline eval run --fail-under citation_recall=0.9 --junit eval.xml
  byline eval check -c articles my_cases.jsonl
  byline eval add -c articles "Was the letter signed?" -o my_cases.jsonl
"""

Parents = list[argparse.ArgumentParser]


def with_action(argv: Sequence[str]) -> list[str]:
    """`byline eval` alone, or with options or files only, means `byline eval run`."""
    args = list(argv)
    if args[:1] == ["eval"] and args[1:2] not in [[a] for a in (*ACTIONS, "-h", "--help")]:
        args.insert(1, "run")
    return args


def add_eval(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    *,
    common: Parents,
    place: Parents,
    writer: Parents,
    day: Parents,
) -> None:
    """Add `eval` and its actions to the commands of `byline`."""
    help = "check answers against question-answer pairs"
    parser = commands.add_parser(
        "eval", help=help, description=help[0].upper() + help[1:] + ".", epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=type(parser))
    runs = argparse.ArgumentParser(add_help=False)
    runs.add_argument("--runs", metavar="FOLDER", type=Path, help="where runs are kept (default: runs in BYLINE_HOME)")
    chosen = argparse.ArgumentParser(add_help=False)
    chosen.add_argument("cases", nargs="*", metavar="CASES.jsonl", help="default: the pairs that fit the corpus")
    chosen.add_argument("--tag", action="append", metavar="T", help="only cases of this type, cluster or tag")
    chosen.add_argument("--limit", type=_count, metavar="N", help="only the first N cases")
    chosen.add_argument("-j", "--jobs", type=_count, default=1, metavar="N", help="questions asked at once (default 1)")
    gates = argparse.ArgumentParser(add_help=False)
    gates.add_argument("--fail-on", choices=["significant", "any"], help="status 1 where a headline measure is worse")
    out = argparse.ArgumentParser(add_help=False)
    out.add_argument("--all", action="store_true", help="print every measure, not the headline ones alone")

    def add(
        name: str, run: Callable[..., int], help: str, *parents: argparse.ArgumentParser
    ) -> argparse.ArgumentParser:
        sub = actions.add_parser(
            name, help=help, description=help[0].upper() + help[1:] + ".", parents=[*common, *parents]
        )
        sub.set_defaults(run=run)
        return sub

    run = add("run", _run, "ask every case and score the answers", *place, *writer, chosen, runs, gates, out)
    run.add_argument(
        "--name", metavar="N", help="name of the run; a stopped run of that name goes on (default: the time)"
    )
    run.add_argument("--repeat", type=_count, default=1, metavar="N", help="ask every case N times (default 1)")
    run.add_argument("--retry-faults", action="store_true", help="ask again what ended in a fault")
    run.add_argument("--baseline", metavar="RUN", help="compare with this run")
    run.add_argument(
        "--fail-under", action="append", type=_floor, default=[], metavar="MEASURE=X", help="status 1 below X"
    )
    run.add_argument(
        "--max-faults", type=float, default=MAX_FAULTS, metavar="SHARE", help=f"status 3 above (default {MAX_FAULTS})"
    )
    run.add_argument("--html", type=Path, metavar="FILE", help="write the report")
    run.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML")
    compare = add("compare", _compare, "compare two runs, case by case", runs, gates, out)
    compare.add_argument("a", metavar="BEFORE", help="name or folder of a run")
    compare.add_argument("b", metavar="AFTER")
    check = add("check", _check, "check cases against the articles", *place)
    check.add_argument("cases", nargs="*", metavar="CASES.jsonl", help="default: the pairs that fit the corpus")
    new = add("add", _add, "ask a question and draft a case from the answer, for you to edit", *place, *writer, *day)
    new.add_argument("question")
    new.add_argument("-o", "--output", type=Path, metavar="CASES.jsonl", help="append to this file (default: print)")
    report = add("report", _report, "write a run as one HTML file", runs)
    report.add_argument("run_name", metavar="RUN")
    report.add_argument("--baseline", metavar="RUN", help="show what changed since this run")
    report.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: RUN.html")
    sweep = add("sweep", _sweep, "run the cases with several settings: quality against time", *place, *writer, chosen)
    sweep.add_argument("--vary", action="append", default=[], metavar="NAME=A,B", help="a setting and its values")
    sweep.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw quality against time")
    sweep.add_argument("--measure", default="passed", help="what counts as quality (default: passed)")
    judge = add("judge", _judge, "a model's opinion of a run, after its agreement with people", *writer, runs)
    judge.add_argument("run_name", metavar="RUN")
    judge.add_argument("--labels", type=Path, metavar="FILE", help="people's grades of answers of this run")
    judge.add_argument("--draft-labels", type=Path, metavar="FILE", help="write answers for people to grade, and stop")
    selftest = add("selftest", _selftest, "check the measures and the statistics themselves", *place)
    selftest.add_argument(
        "--resamples", type=_count, default=1000, metavar="N", help="simulated comparisons (default 1000)"
    )


def _run(args: argparse.Namespace, settings: Settings) -> int:
    from evals.run import Plan, run

    files, corpus = _files_and_corpus(args.cases, settings)
    cases = _cases(files, args)
    floors = dict(args.fail_under)
    folder = _runs(args, settings) / _name(args.name or time.strftime("%Y%m%d-%H%M%S"))
    baseline = _read(args.baseline, args, settings) if args.baseline else None
    if args.fail_on and baseline is None:
        raise UsageError("--fail-on compares with another run; name it with --baseline")
    plan = Plan(cases, corpus, replace(settings, corpus=corpus), args.no_llm, args.repeat, args.jobs, files)
    with _bar() as progress:
        done = run(plan, folder, retry_faults=args.retry_faults, progress=progress)
    comparison = _against(baseline, done) if baseline else None
    _write(done, baseline, comparison, args.html, args.junit)
    faults = sum(bool(r["error"]) for r in done.records)
    if args.json:
        print(json.dumps(_as_json(done, comparison), ensure_ascii=False, indent=1))
    else:
        print_run(done, args.all)
        if comparison:
            print_comparison(comparison, args.all)
        warn(f"run {done.name} is kept in {folder}")
    failed = _under(done, floors) + (_gate(comparison, args.fail_on) if comparison else [])
    for line in failed:
        warn(f"byline: {line}")
    if faults > args.max_faults * len(done.records):
        first = next(r["error"] for r in done.records if r["error"])
        warn(f"byline: {faults} of {len(done.records)} questions ended in a fault, the first: {first}")
        return FAULTS
    return GATE_FAILED if failed else FINE


def _compare(args: argparse.Namespace, settings: Settings) -> int:
    comparison = _against(_read(args.a, args, settings), _read(args.b, args, settings))
    if args.json:
        print(json.dumps(comparison.to_dict(), ensure_ascii=False, indent=1))
    else:
        print_comparison(comparison, args.all)
    failed = _gate(comparison, args.fail_on)
    for line in failed:
        warn(f"byline: {line}")
    return GATE_FAILED if failed else FINE


def _check(args: argparse.Namespace, settings: Settings) -> int:
    from evals.cases import check_cases, read_cases

    files, corpus = _files_and_corpus(args.cases, settings)
    cases = [c for f in files for c in read_cases(f)]
    problems = check_cases(cases, corpus)
    if args.json:
        print(json.dumps([asdict(p) for p in problems], ensure_ascii=False, indent=1))
    else:
        for problem in problems:
            print(plain(str(problem)))
        print(f"{len(cases)} cases, {len(problems)} problems")
    return GATE_FAILED if problems else FINE


def _add(args: argparse.Namespace, settings: Settings) -> int:
    from evals.add import append, draft
    from rag import ask

    if settings.corpus is None:
        raise UsageError(NO_CORPUS)
    answer = ask(args.question, llm=False if args.no_llm else None, as_of=args.as_of, settings=settings)
    case = draft(answer, settings.corpus, args.as_of)
    if args.output:
        case = append(case, args.output)
        warn(f"drafted {case['id']} in {args.output}: read its lines, edit it, and remove its note")
    else:
        print(json.dumps(case, ensure_ascii=False))
    return FINE


def _report(args: argparse.Namespace, settings: Settings) -> int:
    run = _read(args.run_name, args, settings)
    baseline = _read(args.baseline, args, settings) if args.baseline else None
    comparison = _against(baseline, run) if baseline else None
    html = args.output or Path(f"{run.name}.html")
    _write(run, baseline, comparison, html, None)
    if args.json:
        print(json.dumps(_as_json(run, comparison), ensure_ascii=False, indent=1))
    else:
        print(html)
    return FINE


def _sweep(args: argparse.Namespace, settings: Settings) -> int:
    from evals.sweep import draw, sweep

    files, corpus = _files_and_corpus(args.cases, settings)
    with _bar() as progress:
        points = sweep(
            _cases(files, args), corpus, replace(settings, corpus=corpus), args.vary,
            measure=args.measure, quote=args.no_llm, jobs=args.jobs, progress=progress,
        )  # fmt: skip
    if args.json:
        print(json.dumps([p.to_dict() for p in points], ensure_ascii=False, indent=1))
    else:
        print_sweep(points, args.measure)
    if args.plot:
        args.plot.write_text(draw(points, args.measure), encoding="utf-8")
    return FINE


def _judge(args: argparse.Namespace, settings: Settings) -> int:
    from evals import judge
    from rag.providers import make_llm

    run = _read(args.run_name, args, settings)
    if args.draft_labels:
        n = judge.draft_labels(run, args.draft_labels)
        warn(f"{n} answers in {args.draft_labels}: set `right` of each to true or false, then give it as --labels")
        return FINE
    llm = None if args.no_llm else make_llm(settings)
    if llm is None or settings.model is None:
        raise UsageError("a judge is a model; name it with --model, and do not take the one that wrote the answers")
    if settings.model == run.manifest["settings"]["model"]:
        warn(f"byline: {settings.model} wrote these answers and would judge itself")
    known = judge.kept_agreement(settings.home, settings.model)
    if known is None and not args.labels:
        raise UsageError(
            f"how far {settings.model} agrees with people was not measured; "
            "grade some answers (--draft-labels FILE) and give them with --labels FILE"
        )
    labels = judge.read_labels(args.labels) if args.labels else {}
    ask = judge.asking(llm)
    with _bar() as progress:
        grades = {}
        for i, record in enumerate(run.records, 1):
            grades[record["key"]] = judge.judge(record, ask)
            progress(i, len(run.records))
    if labels:
        known = judge.agreement(settings.model, grades, labels)
        judge.keep_agreement(settings.home, known)
    assert known is not None
    unusable = sum(g is None for g in grades.values())
    if args.json:
        print(json.dumps({"agreement": asdict(known), "grades": grades}, ensure_ascii=False, indent=1))
        return FINE
    print(
        f"{settings.model} finds {judge.share(list(grades.values())):.3f} of {len(grades)} answers right, {unusable} unusable"
    )
    print(f"agreement with people: kappa {known.kappa:.2f} ({known.low:.2f} – {known.high:.2f}) over {known.n} answers")
    return FINE


def _selftest(args: argparse.Namespace, settings: Settings) -> int:
    from tempfile import TemporaryDirectory

    from evals.run import Plan, run
    from evals.selftest import selftest

    files, corpus = _files_and_corpus([], settings)
    cases = _cases(files, None)
    with TemporaryDirectory(prefix="byline-selftest-") as folder:
        plan = Plan(cases, corpus, replace(settings, corpus=corpus), quote=True)
        records = run(plan, Path(folder) / "run").records
    results = selftest(cases, corpus, records, resamples=args.resamples)
    if args.json:
        print(json.dumps([r.to_dict() for r in results], ensure_ascii=False, indent=1))
    else:
        for result in results:
            print(f"{'ok  ' if result.passed else 'FAIL'}  {result.name:<34}  {result.detail}")
        print(f"{sum(r.passed for r in results)} of {len(results)} passed")
    return FINE if all(r.passed for r in results) else GATE_FAILED


def _files_and_corpus(given: Sequence[str], settings: Settings) -> tuple[list[Path], Path]:
    """Case files and the corpus they speak of: by default the sample, or the packaged pairs that fit the corpus."""
    import evals
    from evals.cases import read_cases

    if given:
        if settings.corpus is None:
            raise UsageError("these cases need their articles; give the folder with -c, or set BYLINE_CORPUS")
        return [Path(f) for f in given], settings.corpus
    corpus = settings.corpus or evals.ARTICLES
    files = [
        f
        for f in sorted(evals.CASES.glob("*.jsonl"))
        if all((corpus / p.file).is_file() for c in read_cases(f) for group in c.evidence for p in group)
    ]
    if not files:
        raise UsageError(f"no packaged pairs speak of the articles in {corpus}; give a case file of your own")
    return files, corpus


def _cases(files: Sequence[Path], args: argparse.Namespace | None) -> list[Case]:
    from evals.cases import read_cases

    cases = [c for f in files for c in read_cases(f)]
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise UsageError(f"{case.where}: id: {case.id!r} is used in another file already; choose another")
        seen.add(case.id)
    if args and args.tag:
        cases = [c for c in cases if {c.type, c.cluster, *c.tags} & set(args.tag)]
        if not cases:
            raise UsageError(f"no case has the tag {' or '.join(args.tag)}; tags are types, clusters and `tags`")
    return cases[: args.limit] if args and args.limit else cases


def _runs(args: argparse.Namespace, settings: Settings) -> Path:
    return Path(args.runs) if args.runs else settings.home / "runs"


def _read(name: str, args: argparse.Namespace, settings: Settings) -> Run:
    from evals.runs import MANIFEST, read_run

    path = Path(name)
    return read_run(path if (path / MANIFEST).exists() else _runs(args, settings) / _name(path.name))


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][\w.+-]*", text):
        raise UsageError(f"{text!r} cannot name a run; use letters, digits, dots and dashes")
    return text


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")
    return int(text)


def _floor(text: str) -> tuple[str, float]:
    from evals.score import MEASURES

    name, _, value = text.partition("=")
    try:
        floor = float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no floor; write it as citation_recall=0.9") from None
    if name not in MEASURES:
        raise argparse.ArgumentTypeError(f"there is no measure {name!r}; take one of {', '.join(MEASURES)}")
    return name, floor


def _under(run: Run, floors: dict[str, float]) -> list[str]:
    """What a floor says: a measure that applies to no case cannot hold one."""
    from evals.score import MEASURES
    from evals.summary import means

    found = means(run) if floors else {}
    lines = []
    for name, floor in floors.items():
        value = found.get(name)
        if value is None:
            lines.append(f"{name} applies to no case of this run, so its floor {floor:g} cannot hold")
        elif value > floor if MEASURES[name].better < 1 else value < floor:
            side = "above" if MEASURES[name].better < 1 else "under"
            lines.append(f"{name} is {value:.4f}, {side} {floor:g}")
    return lines


def _against(before: Run, after: Run) -> Comparison:
    from evals.compare import compare

    comparison = compare(before, after)
    for line in comparison.warnings:
        warn(f"byline: {line}")
    return comparison


def _gate(comparison: Comparison, fail_on: str | None) -> list[str]:
    if fail_on is None:
        return []
    from evals.score import MEASURES

    if fail_on == "significant":
        rows = comparison.regressions
    else:
        rows = [r for r in comparison.rows if r.worse and MEASURES[r.measure].headline]
    return [f"{r.measure} went from {r.before:.4f} to {r.after:.4f}" for r in rows]


def _write(run: Run, before: Run | None, comparison: Comparison | None, html: Path | None, junit: Path | None) -> None:
    if html:
        from evals.report import write_report
        from evals.report_data import report_data

        write_report(report_data(run, before, comparison), html)
    if junit:
        from evals.junit import write_junit

        write_junit(run, junit)


def _as_json(run: Run, comparison: Comparison | None) -> dict[str, Any]:
    from evals.summary import by_type, causes, outcomes, summarize

    return {
        "name": run.name,
        "manifest": {k: v for k, v in run.manifest.items() if k != "keys"},
        "summary": summarize(run.records),
        "by_type": by_type(run.records),
        "outcomes": outcomes(run.records),
        "causes": causes(run.records),
        "failed": {r["key"]: r["cause"] for r in run.records if not r["passed"]},
        "comparison": comparison.to_dict() if comparison else None,
    }


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error, where that is a terminal."""
    from tqdm import tqdm

    with tqdm(unit="question", file=sys.stderr, disable=not sys.stderr.isatty()) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
