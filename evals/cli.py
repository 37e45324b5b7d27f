"""`byline eval`: run, compare, check, add, report, sweep, judge, selftest.

Exit status: 0 fine, 1 a gate failed or a case has a problem, 2 wrong use, 3 too many faults.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.gates import floor, floors, under, worse
from evals.jsonable import finite
from evals.tables import print_comparison, print_run, print_sweep
from index.errors import ModelError, UsageError
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
    if args[:1] == ["eval"] and (len(args) == 1 or _is_for_run(args[1])):
        args.insert(1, "run")
    return args


def _is_for_run(word: str) -> bool:
    """Whether the word after `eval` is an option or a file of `run`; a mistyped action is left to the parser."""
    if word in (*ACTIONS, "-h", "--help"):
        return False
    return word.startswith("-") or word.endswith(".jsonl") or Path(word).exists()


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
    chosen.add_argument(
        "cases", nargs="*", metavar="CASES.jsonl", help="default: the sample pairs, or those that fit -c"
    )
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
    run.add_argument("--stale", action="store_true", help="score even where gold lines changed since they were written")
    run.add_argument("--retry-faults", action="store_true", help="ask again what ended in a fault")
    run.add_argument("--baseline", metavar="RUN", help="compare with this run")
    run.add_argument(
        "--fail-under",
        action="append",
        type=floor,
        default=[],
        metavar="MEASURE=X",
        help="status 1 below X (for costs and brier: above)",
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
    check.add_argument(
        "cases", nargs="*", metavar="CASES.jsonl", help="default: the sample pairs, or those that fit -c"
    )
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

    writable(args.html, args.junit)
    files, corpus = _files_and_corpus(args, settings)
    cases = _cases(files, args)
    bounds = floors(args.fail_under)
    if not 0 <= args.max_faults <= 1:
        raise UsageError(f"--max-faults is {args.max_faults}; give a share from 0 to 1")
    folder = _runs(args, settings) / _name(args.name or f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")
    baseline = _read(args.baseline, args, settings) if args.baseline else None
    if args.fail_on and baseline is None:
        raise UsageError("--fail-on compares with another run; name it with --baseline")
    plan = Plan(
        cases, corpus, replace(settings, corpus=corpus), args.no_llm, args.repeat, args.jobs, tuple(files), args.stale
    )
    warn(f"run {folder.name} in {folder}; where it is stopped, --name {folder.name} goes on with it")
    with _bar() as progress:
        done = run(plan, folder, retry_faults=args.retry_faults, progress=progress)
    if spoilt := done.manifest.get("spoilt"):
        warn(f"byline: {spoilt}; run again under another --name")
    comparison = _against(baseline, done) if baseline else None
    _write(done, baseline, comparison, args.html, args.junit)
    faults = sum(bool(r["error"]) for r in done.records)
    if args.json:
        _print_json(_as_json(done, comparison))
    else:
        print_run(done, args.all)
        if comparison:
            print_comparison(comparison, args.all)
    failed = under(done, bounds) + (worse(comparison, args.fail_on) if comparison else [])
    for line in failed:
        warn(f"byline: {line}")
    if spoilt:
        return WRONG_USE
    if faults > args.max_faults * len(done.records):
        first = next(r["error"] for r in done.records if r["error"])
        warn(f"byline: {faults} of {len(done.records)} questions ended in a fault, the first: {first}")
        return FAULTS
    return GATE_FAILED if failed else FINE


def _compare(args: argparse.Namespace, settings: Settings) -> int:
    comparison = _against(_read(args.a, args, settings), _read(args.b, args, settings))
    if args.json:
        _print_json(comparison.to_dict())
    else:
        print_comparison(comparison, args.all)
    failed = worse(comparison, args.fail_on)
    for line in failed:
        warn(f"byline: {line}")
    return GATE_FAILED if failed else FINE


def _check(args: argparse.Namespace, settings: Settings) -> int:
    from evals.cases import check_cases

    files, corpus = _files_and_corpus(args, settings)
    cases = [case for found in files.values() for case in found]
    problems = check_cases(cases, corpus)
    if args.json:
        _print_json([asdict(p) for p in problems])
    else:
        for problem in problems:
            print(plain(str(problem)))
        print(f"{len(cases)} cases, {len(problems)} problems")
    return GATE_FAILED if problems else FINE


def _add(args: argparse.Namespace, settings: Settings) -> int:
    from evals.add import append, draft, taken
    from rag import ask

    if settings.corpus is None:
        raise UsageError(NO_CORPUS)
    if args.output:
        writable(args.output)
        taken(args.output)  # a file to which nothing can be added is known before the question is asked
    answer = ask(args.question, llm=False if args.no_llm else None, as_of=args.as_of, settings=settings)
    if answer.degraded:
        warn(f"byline: {answer.degraded}. The draft holds what was quoted instead")
    case = draft(answer, settings.corpus, args.as_of)
    if args.output:
        case = append(case, args.output)
        warn(f"drafted {case['id']} in {args.output}: read its lines, edit it, and remove its note")
    else:
        print(json.dumps(case, ensure_ascii=False))
    return FINE


def _report(args: argparse.Namespace, settings: Settings) -> int:
    run = _read(args.run_name, args, settings)
    html = args.output or Path(f"{run.name}.html")
    writable(html)
    baseline = _read(args.baseline, args, settings) if args.baseline else None
    comparison = _against(baseline, run) if baseline else None
    _write(run, baseline, comparison, html, None)
    if args.json:
        _print_json(_as_json(run, comparison))
    else:
        print(html)
    return FINE


def _sweep(args: argparse.Namespace, settings: Settings) -> int:
    from evals.sweep import draw, sweep

    writable(args.plot)
    files, corpus = _files_and_corpus(args, settings)
    cases = _cases(files, args)
    with _bar() as progress:
        points = sweep(
            cases, corpus, replace(settings, corpus=corpus), args.vary,
            measure=args.measure, quote=args.no_llm, jobs=args.jobs, progress=progress,
        )  # fmt: skip
    if args.json:
        _print_json([p.to_dict() for p in points])
    else:
        print_sweep(points, args.measure)
    if args.plot:
        args.plot.write_text(draw(points, args.measure), encoding="utf-8")
    faults, asked = sum(p.faults for p in points), len(points) * len(cases)
    if faults > MAX_FAULTS * asked:
        first = next(p.error for p in points if p.error)
        warn(f"byline: {faults} of {asked} questions ended in a fault, the first: {first}")
        return FAULTS
    return FINE


def _judge(args: argparse.Namespace, settings: Settings) -> int:
    from evals import judge
    from rag.providers import make_llm

    run = _read(args.run_name, args, settings)
    if args.draft_labels:
        writable(args.draft_labels)
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
    labels = judge.read_labels(args.labels, run) if args.labels else None
    if labels is not None and len(labels) < judge.ENOUGH:
        raise UsageError(f"{args.labels} grades {len(labels)} answers of this run; grade at least {judge.ENOUGH}")
    grades, faults = _grades(run, llm, settings)
    if faults:
        warn(f"byline: {len(faults)} of {len(grades)} answers could not be judged, the first: {faults[0]}")
    if labels is not None:
        known = judge.agreement(settings.model, grades, labels)
        judge.keep_agreement(settings.home, known)
    assert known is not None
    figure = judge.share(list(grades.values())) if known.believed else None
    if args.json:
        _print_json({"agreement": asdict(known), "right": figure, "grades": grades})
    else:
        if figure is not None:
            unusable = sum(g is None for g in grades.values())
            print(f"{settings.model} finds {figure:.3f} of {len(grades)} answers right, {unusable} unusable")
        print(f"agreement with people: {known}")
    if figure is None:
        warn(
            f"byline: what {settings.model} finds is not shown, as it may agree with people by chance: the lower end of its "
            f"kappa must reach {judge.BELIEVED}; take another judge, or grade more answers"
        )
    return FAULTS if len(faults) > MAX_FAULTS * len(grades) else FINE


def _grades(run: Run, llm: Any, settings: Settings) -> tuple[dict[str, bool | None], list[str]]:
    """A judge's grade of every answer, and the faults that left some without one. Its replies are kept."""
    from evals import judge
    from evals.replies import KeptReplies, ReplyStore

    grades: dict[str, bool | None] = {}
    faults: list[str] = []
    with closing(ReplyStore(settings.home / "replies.sqlite")) as store, _bar("answer") as progress:
        ask = judge.asking(KeptReplies(llm, store))
        for i, record in enumerate(run.records, 1):
            try:
                grades[record["key"]] = judge.judge(record, ask)
            except ModelError as e:
                grades[record["key"]] = None
                faults.append(str(e))
            progress(i, len(run.records))
    return grades, faults


def _selftest(args: argparse.Namespace, settings: Settings) -> int:
    from tempfile import TemporaryDirectory

    from evals.run import Plan, run
    from evals.selftest import selftest

    files, corpus = _files_and_corpus(args, settings)
    cases = _cases(files, None)
    with TemporaryDirectory(prefix="byline-selftest-") as folder, _bar() as progress:
        plan = Plan(cases, corpus, replace(settings, corpus=corpus), quote=True)
        records = run(plan, Path(folder) / "run", progress=progress).records
    with _bar("simulation") as progress:
        results = selftest(cases, corpus, records, resamples=args.resamples, progress=progress)
    if args.json:
        _print_json([r.to_dict() for r in results])
    else:
        for result in results:
            print(f"{'ok  ' if result.passed else 'FAIL'}  {result.name:<34}  {result.detail}")
        print(f"{sum(r.passed for r in results)} of {len(results)} passed")
    return FINE if all(r.passed for r in results) else GATE_FAILED


def writable(*paths: Path | None) -> None:
    """Raise UsageError for a file that could not be written: known before the questions are asked, not after."""
    for path in paths:
        if path and path.is_dir():
            raise UsageError(f"{path} is a folder; give a file in it")
        if path and not path.parent.is_dir():
            raise UsageError(f"there is no folder {path.parent} for {path.name}; make it, or give another")
        if path and not os.access(path if path.exists() else path.parent, os.W_OK):
            raise UsageError(f"{path} may not be written; give another file")


def _print_json(value: Any) -> None:
    print(json.dumps(finite(value), ensure_ascii=False, indent=1, allow_nan=False))


def _files_and_corpus(args: argparse.Namespace, settings: Settings) -> tuple[dict[Path, list[Case]], Path]:
    """Cases by file and the corpus they speak of: by default the sample, with -c the packaged pairs that fit it.

    BYLINE_CORPUS is where a user's own cases are asked; the packaged ones hardly ever speak of it.
    """
    import evals
    from evals.cases import read_cases

    if given := getattr(args, "cases", ()):
        if settings.corpus is None:
            raise UsageError("these cases need their articles; give the folder with -c, or set BYLINE_CORPUS")
        return {Path(f): read_cases(Path(f)) for f in given}, settings.corpus
    corpus = settings.corpus if args.corpus and settings.corpus else evals.ARTICLES
    packaged = {f: read_cases(f) for f in sorted(evals.CASES.glob("*.jsonl"))}
    files = {
        f: cases
        for f, cases in packaged.items()
        if all((corpus / place.file).is_file() for case in cases for group in case.evidence for place in group)
    }
    if not files:
        raise UsageError(f"no packaged pairs speak of the articles in {corpus}; give a case file of your own")
    return files, corpus


def _cases(files: Mapping[Path, Sequence[Case]], args: argparse.Namespace | None) -> list[Case]:
    cases = [case for found in files.values() for case in found]
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
    if (path / MANIFEST).exists() or path.name != name:  # a folder, there or not, is no name of another run
        return read_run(path)
    return read_run(_runs(args, settings) / _name(name))


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][\w.+-]*", text):
        raise UsageError(f"{text!r} cannot name a run; use letters, digits, dots and dashes")
    return text


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")
    return int(text)


def _against(before: Run, after: Run) -> Comparison:
    from evals.compare import compare

    comparison = compare(before, after)
    for line in comparison.warnings:
        warn(f"byline: {line}")
    return comparison


def _write(run: Run, before: Run | None, comparison: Comparison | None, html: Path | None, junit: Path | None) -> None:
    if html:
        from evals.report import write_report
        from evals.report_data import report_data

        write_report(report_data(run, before, comparison), html)
    if junit:
        from evals.junit import write_junit

        write_junit(run, junit)


def _as_json(run: Run, comparison: Comparison | None) -> dict[str, Any]:
    from evals.summary import by_type, calibration, calibration_error, causes, outcomes, seconds, summarize

    return {
        "name": run.name,
        "manifest": {k: v for k, v in run.manifest.items() if k != "keys"},
        "summary": summarize(run.records),
        "by_type": by_type(run.records),
        "outcomes": outcomes(run.records),
        "causes": causes(run.records),
        "reliability": calibration(run.records),
        "calibration_error": calibration_error(run.records),
        "seconds": seconds(run.records)["stages"],
        "failed": {r["key"]: r["cause"] for r in run.records if not r["passed"]},
        "comparison": comparison.to_dict() if comparison else None,
    }


@contextmanager
def _bar(unit: str = "question") -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error, where that is a terminal."""
    from tqdm import tqdm

    with tqdm(unit=unit, file=sys.stderr, disable=not sys.stderr.isatty()) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
