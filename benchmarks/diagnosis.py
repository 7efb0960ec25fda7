"""How often `TrainingDiagnostics` is right: on healthy and on faulty trainings.

Run as `python benchmarks/diagnosis.py [--half HALF] [--jobs N]`, with the half
`tuned`, `untouched`, `fresh`, `unseen`, `posted`, `silent`, `programs` or `all`. With
`--record DIR` the evidence of each training is kept, and `--replay DIR` judges it again
in seconds, without training. `--resume` goes on with an interrupted run. `--look first`
and `--look unseen` take half of a part, `--sample N` draws N cases by a fixed seed.
`--bare` trains without the callback and lists the metrics that the labels rest on.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from case_workers import CaseWorkers

RESULTS = Path("logs/diagnosis")
RECYCLE = 30  # cases per process: the memory of a graph is never quite given back
PARTS = ("tuned", "untouched", "fresh", "unseen", "posted", "silent", "programs")
HALVES = (*PARTS, "external")


# Judging


def claims(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the findings that say something is wrong; advice is silence."""
    return [f for f in result["findings"] if f["severity"] in ("error", "warning")]


def right(result: dict[str, Any], finding: dict[str, Any]) -> bool:
    return finding["code"] in (*result["labels"], *result["accept"])


def judged(result: dict[str, Any]) -> str:
    """Returns one word for a result."""
    if result.get("failure"):
        return "FAILED"
    made = claims(result)
    if not result["labels"]:
        return "FALSE ALARM" if made else "silent"
    if not made:
        return "missed"
    hits = [right(result, finding) for finding in made]
    return "top hit" if hits[0] else "hit" if any(hits) else "wrong cause"


def line(result: dict[str, Any]) -> str:
    """Returns a result as one line of text."""
    start = f"{judged(result):12} {result['id']:34}"
    if result.get("failure"):
        return f"{start} {result['failure'].strip().splitlines()[-1]}"
    found = " ".join(
        f"{finding['code']}:{finding['confidence']:.2f}" for finding in claims(result)
    )
    expected = " ".join(result["labels"]) or "healthy"
    if result["accept"]:
        expected += f" ({' '.join(result['accept'])})"
    return f"{start} {found or '-'} | {expected} | {result['seconds']:.0f} s"


def metrics_line(result: dict[str, Any]) -> str:
    """Returns what a training came to, as one line of text."""
    if result.get("failure"):
        return line(result)
    kind = "healthy" if not result["labels"] else " ".join(result["labels"])
    values = " ".join(f"{k}={v:.4g}" for k, v in result["metrics"].items())
    losses = " ".join(
        f"{name}: {result['first'][name]:.4g} (least {result['least'][name]:.4g})"
        for name in ("loss", "val_loss")
        if name in result["metrics"]
    )
    return (
        f"{result['id']:34} {kind:24} steps={result['steps']} chance="
        f"{result['chance']} {losses} | {values} "
        f"{result['seconds']:.0f} s"
    )


def share(count: int, total: int) -> str:
    return f"{count}/{total} ({count / total:.0%})" if total else "-"


def summary(results: list[dict[str, Any]]) -> str:
    """Returns the totals of some results."""
    results = [result for result in results if not result.get("failure")]
    faulty = [result for result in results if result["labels"]]
    words = [judged(result) for result in faulty]
    quiet = [judged(r) == "silent" for r in results if not r["labels"]]
    rows = [
        ("detected", share(sum(w != "missed" for w in words), len(words))),
        ("hit", share(sum(w in ("hit", "top hit") for w in words), len(words))),
        ("top hit", share(words.count("top hit"), len(words))),
        ("top names the cause", share(sum(map(_names_cause, faulty)), len(faulty))),
        ("cause named", share(sum(map(_names_it_at_all, faulty)), len(faulty))),
        ("false alarms", share(quiet.count(False), len(quiet))),
    ]
    return "\n".join(f"  {name:20} {value}" for name, value in rows)


def _names_cause(result: dict[str, Any]) -> bool:
    made = claims(result)
    return bool(made) and made[0]["code"] in result["labels"]


def _names_it_at_all(result: dict[str, Any]) -> bool:
    return any(finding["code"] in result["labels"] for finding in claims(result))


def calibration(results: list[dict[str, Any]]) -> str:
    """Returns how often claims of some confidence are right."""
    pairs = [(f["confidence"], right(r, f)) for r in results for f in claims(r)]
    rows = []
    for low in (0.0, 0.5, 0.6, 0.7, 0.8, 0.9):
        high = 0.5 if low == 0 else low + 0.1 if low < 0.9 else 1.01
        inside = [pair for pair in pairs if low <= pair[0] < high - 1e-9]
        if inside:
            mean = sum(confidence for confidence, _ in inside) / len(inside)
            correct = sum(is_right for _, is_right in inside)
            rows.append(f"  claimed {mean:.2f}, right {share(correct, len(inside))}")
    return "\n".join(rows) or "  no claims"


def by_code(results: list[dict[str, Any]]) -> str:
    """Returns for each code how it fares as a cause, and as a claim."""
    results = [result for result in results if not result.get("failure")]
    codes = {f["code"] for r in results for f in claims(r)}
    codes |= {label for r in results for label in r["labels"]}
    rows = [f"  {'code':24} {'cause: hit':>12} {'claim: right':>14} {'on healthy':>11}"]
    for code in sorted(codes):
        caused = [
            judged(r) in ("hit", "top hit") for r in results if code in r["labels"]
        ]
        claimed = [
            (right(r, f), not r["labels"])
            for r in results
            for f in claims(r)
            if f["code"] == code
        ]
        correct, alarms = sum(ok for ok, _ in claimed), sum(bad for _, bad in claimed)
        rows.append(
            f"  {code:24} {f'{sum(caused)}/{len(caused)}':>12} "
            f"{f'{correct}/{len(claimed)}':>14} {alarms:>11}"
        )
    return "\n".join(rows)


def report(results: list[dict[str, Any]]) -> str:
    """Returns the totals for each half."""
    parts = []
    for half in HALVES:
        those = [result for result in results if result["half"] == half]
        if not those:
            continue
        failed = [result["id"] for result in those if result.get("failure")]
        parts.append(f"{half}: {len(those)} cases")
        if failed:
            parts.append(f"  FAILED to run: {' '.join(failed)}")
        parts += [summary(those), calibration(those), by_code(those)]
    return "\n".join(parts)


# Cases


def all_cases(external: str | None) -> dict[str, Any]:
    """Returns the cases of this corpus and, if there are, those of another one."""
    from faults import CASES

    if external is None:
        return dict(CASES)
    from faults.external import external_cases

    return {**CASES, **external_cases(external)}


def chosen(options: Any) -> list[Any]:
    cases = all_cases(options.external)
    unknown = sorted(set(options.only or ()) - set(cases))
    if unknown:
        raise SystemExit(f"`--only` must name cases. Received: {' '.join(unknown)}")
    if options.only:
        return [cases[id] for id in options.only]
    wanted = HALVES if options.half == "all" else (options.half, "external")
    if options.half == "external":
        wanted = ("external",)
    found = [
        case
        for case in cases.values()
        if case.half in wanted
        and options.look in (None, case.look)
        and (options.kind is None or case.healthy == (options.kind == "healthy"))
    ]
    if options.sample is not None:
        found = random.Random(options.seed).sample(found, len(found))[: options.sample]
    return found


def described(case: Any) -> dict[str, Any]:
    return {
        "id": case.id,
        "half": case.half,
        "labels": list(case.labels),
        "accept": list(case.accept),
    }


# Training, in a process of its own


def work(options: Any) -> None:
    """Trains the cases whose ids come in, a line each, and answers a line each."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    if options.plain_graphs:
        import tensorflow as tf

        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    cases = all_cases(options.external)
    for id in map(str.strip, sys.stdin):
        case = cases[id]
        started = time.perf_counter()
        try:
            result = (bare if options.bare else diagnosed)(case, options)
        except Exception as error:
            result = {"findings": [], "failure": f"{type(error).__name__}: {error}"}
        result["seconds"] = round(time.perf_counter() - started, 1)
        answers.write(json.dumps({**described(case), **result}) + "\n")


def diagnosed(case: Any, options: Any) -> dict[str, Any]:
    """Trains with the callback; keeps the evidence if asked to."""
    from keras_extras.callbacks import TrainingDiagnostics

    callback = TrainingDiagnostics(verbose=0)
    outcome = came_to(case.make(options.seed), [callback])
    if options.record:
        observations = getattr(callback, "observations", None)
        if observations is None:
            raise RuntimeError("`TrainingDiagnostics` has no `observations` to record")
        folder = Path(options.record)
        folder.mkdir(parents=True, exist_ok=True)
        record = {**described(case), "observations": observations}
        path = evidence_file(folder, case)
        path.write_bytes(pickle.dumps(record))
    found = [finding.to_dict() for finding in callback.findings]
    return {"findings": found, **outcome}


def evidence_file(folder: Path, case: Any) -> Path:
    return folder / f"{case.id.replace('/', '-')}.pickle"


def bare(case: Any, options: Any) -> dict[str, Any]:
    """Trains without the callback."""
    return {"findings": [], **came_to(case.make(options.seed), [])}


def came_to(setup: Any, callbacks: list[Any]) -> dict[str, Any]:
    """Trains and returns what came of it."""
    from faults.chance import chance

    logs = setup.train(callbacks).history
    score = None
    if setup.score is not None:
        score = float(setup.score(setup.model, logs))
    return {
        "score": score,
        "metrics": {name: float(values[-1]) for name, values in logs.items()},
        "first": {name: float(values[0]) for name, values in logs.items()},
        "least": {name: float(min(values)) for name, values in logs.items()},
        "chance": chance(setup),
        "steps": int(setup.model.optimizer.iterations),
    }


def trained(cases: list[Any], options: Any) -> Iterator[dict[str, Any]]:
    """Trains the cases, several at a time, and yields results as they come."""

    def failed(case: Any, failure: str) -> dict[str, Any]:
        return {**described(case), "findings": [], "failure": failure, "seconds": 0}

    command = [__file__, "--worker", *sys.argv[1:]]
    workers = CaseWorkers(command, RECYCLE, options.timeout, failed, options.noisy)
    return workers.results(cases, options.jobs)


# Judging recorded evidence


def replayed(options: Any) -> Iterator[dict[str, Any]]:
    """Judges what `--record` kept, by the labels that the cases have now."""
    from faults import CASES

    from keras_extras.diagnostics.examine import examine

    for path in sorted(Path(options.replay).glob("*.pickle")):
        record = pickle.loads(path.read_bytes())
        observations = record.pop("observations")
        if record["id"] in CASES:
            record = described(CASES[record["id"]])
        elif record["half"] != "external":
            continue  # the case is no more
        if options.half not in ("all", record["half"]) and record["half"] != "external":
            continue
        if options.only and record["id"] not in options.only:
            continue
        case = CASES.get(record["id"])
        if case is not None and options.look not in (None, case.look):
            continue
        started = time.perf_counter()
        try:
            found = [finding.to_dict() for finding in examine(observations)]
            result = {**record, "findings": found}
        except Exception as error:
            failure = f"{type(error).__name__}: {error}"
            result = {**record, "findings": [], "failure": failure}
        yield {**result, "seconds": time.perf_counter() - started}


def parse() -> Any:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=(*PARTS, "external", "all"), default="all")
    parser.add_argument("--look", choices=("first", "unseen"), help="half of the part")
    parser.add_argument("--kind", choices=("healthy", "faulty"))
    parser.add_argument("--sample", type=int, metavar="N", help="so many, by chance")
    parser.add_argument("--only", nargs="+", metavar="ID", help="ids of cases")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    parser.add_argument("--external", metavar="PATH", help="folder with a cases.py")
    parser.add_argument("--record", metavar="DIR", help="keep the evidence there")
    parser.add_argument("--replay", metavar="DIR", help="judge the evidence kept there")
    parser.add_argument("--bare", action="store_true", help="train without callback")
    parser.add_argument("--resume", action="store_true", help="go on where it stopped")
    parser.add_argument("--results", type=Path, metavar="FILE")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=180, help="seconds per case")
    parser.add_argument(
        "--plain-graphs", action="store_true", help="TensorFlow compiles them faster"
    )
    parser.add_argument("--noisy", action="store_true", help="show what processes say")
    parser.add_argument("--evidence", action="store_true", help="print it per claim")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def show(result: dict[str, Any], options: Any) -> None:
    print(metrics_line(result) if options.bare else line(result), flush=True)
    for finding in claims(result) if options.evidence else ():
        print(f"{'':12} {finding['code']} {finding['layer']}: {finding['evidence']}")


def done_before(path: Path, cases: list[Any], options: Any) -> list[dict[str, Any]]:
    """Returns the results of an interrupted run; what failed is tried again."""
    ids = {case.id for case in cases}
    if options.record:
        folder = Path(options.record)
        ids = {case.id for case in cases if evidence_file(folder, case).exists()}
    results = map(json.loads, path.read_text().splitlines())
    latest = {result["id"]: result for result in results}
    return [r for id, r in latest.items() if id in ids and not r.get("failure")]


def main() -> None:
    options = parse()
    if options.worker:
        work(options)
        return
    if options.replay:
        results = []
        for result in replayed(options):
            results.append(result)
            show(result, options)
        print(report(results))
        return
    cases, results = chosen(options), []
    file_name = "bare.jsonl" if options.bare else "results.jsonl"
    path = options.results or RESULTS / file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    if options.resume and path.exists():
        results = done_before(path, cases, options)
    done = {result["id"] for result in results}
    with path.open("a" if options.resume else "w") as file:
        for result in trained([c for c in cases if c.id not in done], options):
            file.write(json.dumps(result) + "\n")
            file.flush()
            results.append(result)
            show(result, options)
    if not options.bare:
        print(report(results))


if __name__ == "__main__":
    main()
