"""How often the first repair of a faulty training makes it as good as its twin.

Run as `python benchmarks/repairs.py [--half HALF] [--sample N] [--verify]`. Each faulty
case of the corpus is trained with `TrainingDiagnostics`, what its first finding asks
for is applied to a copy of the model by `Diagnosis.repaired`, and the copy is trained
as the case is. `--verify` takes the first finding of `diagnose(verify=True)` instead,
`--together` applies the repairs of all findings that follow from no other one.
The healthy twin comes to what `faults/outcomes.md` lists, or is trained too.

A case is repaired if the copy comes within 2 points of the accuracy of the twin or, in
a regression, within 5 % of its mean absolute error or its loss, each as a share of
what the best constant has, for twins may have targets on another scale. Validation
data decide where there are some. `--sample N` takes N cases by a fixed seed. Results
go to `logs/repairs/results.jsonl` as they come; `--resume` goes on there.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from case_workers import CaseWorkers

RESULTS = Path("logs/repairs/results.jsonl")
PARTS = ("tuned", "untouched", "fresh", "unseen", "posted")
RECYCLE = 15  # cases per process: the memory of a graph is never quite given back
EVERY = 5  # steps
POINTS, SHARE = 0.02, 0.05  # of accuracy, and of the twin's loss
ACCURACIES = ("accuracy", "acc", "binary_accuracy", "sparse_categorical_accuracy")


# Judging


def verdict(result: dict[str, Any]) -> str:
    """Returns one word for a result."""
    if result.get("failure"):
        return "FAILED"
    if not result["findings"]:
        return "silent"
    if result["refused"]:
        return "not applied"
    return "repaired" if result["repaired"] else "missed"


def judged(ours: dict[str, Any], twin: dict[str, Any]) -> dict[str, Any]:
    """Returns whether a copy is as good as the twin, and by what that was judged.

    `gain` is what it gains over a constant, as a share of what the twin does.
    """
    for prefix in ("val_", ""):
        for name in ("accuracy", "mae", "mse", "loss"):
            here, there = ours.get(prefix + name), twin.get(prefix + name)
            if here is None or there is None:
                continue
            better = 1.0 if name == "accuracy" else -1.0
            slack = POINTS if name == "accuracy" else SHARE * abs(there)
            constants = [each.get(f"{prefix}constant {name}") for each in (ours, twin)]
            result = {
                "repaired": bool(better * here >= better * there - slack),
                "compared": f"{prefix}{name} {here:.4g} (twin {there:.4g})",
            }
            if None not in constants and there != constants[1]:
                gain = (here - constants[0]) / (there - constants[1])
                result["gain"] = round(float(gain), 3)
            return result
    return {"repaired": False, "compared": "nothing to compare"}


def scores(setup: Any, logs: dict[str, float]) -> dict[str, float]:
    """Returns what a training came to, errors as shares of those of a constant.

    Args:
        setup: The set-up, for its targets.
        logs: The metrics of the last epoch.
    """
    found = {}
    for prefix, y in (("", setup.y), ("val_", held_out(setup))):
        for name in ACCURACIES:
            if prefix + name in logs:
                found[f"{prefix}accuracy"] = logs[prefix + name]
                found[f"{prefix}constant accuracy"] = most_frequent(y)
        if not isinstance(y, np.ndarray) or y.dtype.kind not in "iuf":
            continue
        spread = y.astype("float64") - y.mean(0)
        if f"{prefix}mae" in logs:
            found[f"{prefix}mae"] = logs[f"{prefix}mae"] / np.abs(spread).mean()
            found[f"{prefix}constant mae"] = 1.0
        if setup.model.loss in ("mse", "mean_squared_error"):
            weight = setup.model._compile_config.config.get("loss_weights")
            loss = logs.get(f"{prefix}loss", float("nan")) / (weight or [1.0])[0]
            found[f"{prefix}mse"] = loss / np.square(spread).mean()
            found[f"{prefix}constant mse"] = 1.0
    return found | {k: v for k, v in logs.items() if k.endswith("loss")}


def most_frequent(y: Any) -> float | None:
    """Returns the share of the most frequent class, `None` if there are no classes."""
    if not isinstance(y, np.ndarray) or y.dtype.kind not in "biuf":
        return None
    if y.ndim > 1 and y.shape[-1] > 1:
        one_hot = np.allclose(y.sum(-1), 1.0)
        return float(y.reshape(-1, y.shape[-1]).mean(0).max()) if one_hot else None
    return float(np.unique(y, return_counts=True)[1].max() / y.size)


def held_out(setup: Any) -> Any:
    """Returns the targets of the validation data, `None` if there are none."""
    data = setup.validation
    return data[1] if isinstance(data, tuple) and len(data) > 1 else None


def line(result: dict[str, Any]) -> str:
    """Returns a result as one line of text."""
    start = f"{verdict(result):12} {result['id']:36} {' '.join(result['labels'])}"
    if result.get("failure"):
        return f"{start} | {result['failure'].strip().splitlines()[-1]}"
    said = " ".join(result["findings"]) or "-"
    more = result["refused"] or result.get("compared", "")
    changes = result.get("changes", "").replace("\n", " ")
    return f"{start} | {said} | {more} | {changes} | {result['seconds']:.0f} s"


def share(count: int, total: int) -> str:
    return f"{count}/{total} ({count / total:.0%})" if total else "-"


def report(results: list[dict[str, Any]]) -> str:
    """Returns the totals of each part, and the misses."""
    rows = []
    for part in (*PARTS, "all"):
        those = [r for r in results if part in (r["half"], "all")]
        words = [verdict(r) for r in those]
        if not those:
            continue
        tried = [w for w in words if w in ("repaired", "missed")]
        counts = ", ".join(f"{words.count(w)} {w}" for w in sorted(set(words)))
        near = sum(r.get("gain", 0.0) >= 0.9 for r in those)
        rows.append(
            f"{part}: repaired {share(words.count('repaired'), len(words))} of all, "
            f"{share(words.count('repaired'), len(tried))} of those tried; {counts}; "
            f"{near} gain 90 % or more of what their twins do"
        )
    labels = sorted({r["labels"][0] for r in results})
    for label in labels:
        words = [verdict(r) for r in results if r["labels"][0] == label]
        rows.append(f"  {label:26} {share(words.count('repaired'), len(words))}")
    return "\n".join(rows)


# Training, in a process of its own


def work(options: Any) -> None:
    """Tries the cases whose ids come in, a line each, and answers a line each."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    import keras
    from faults import CASES

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # Nets this small are optimised for longer than they train.
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    for id in map(str.strip, sys.stdin):
        case = CASES[id]
        result = {"id": id, "half": case.half, "labels": list(case.labels)}
        result |= {"findings": [], "refused": ""}
        started = time.perf_counter()
        try:
            result |= tried(case, CASES, options)
        except Exception as error:
            result["failure"] = f"{type(error).__name__}: {error}"
        result["seconds"] = round(time.perf_counter() - started, 1)
        answers.write(json.dumps(result) + "\n")


def tried(case: Any, cases: dict[str, Any], options: Any) -> dict[str, Any]:
    """Trains a case, its first repair and its twin."""
    diagnosis, setup = (verified if options.verify else diagnosed)(case)
    claims = [f for f in diagnosis.findings if f.severity != "info"]
    found: dict[str, Any] = {"findings": [finding.code for finding in claims]}
    if not claims:
        return found
    found["repair"] = claims[0].to_dict()["repair"]
    try:
        first = [claims[0], *(roots(claims[1:]) if options.together else ())]
        setup.model, found["changes"] = diagnosis.repaired(*first)
    except ValueError as error:
        return {**found, "refused": str(error).splitlines()[0]}
    ours = scores(setup, last(setup.train()))
    twin = cases[case.twin].make(0)
    theirs = scores(twin, known_outcome(case.twin) or last(twin.train()))
    return {**found, **judged(ours, theirs)}


def roots(claims: list[Any]) -> list[Any]:
    """Returns the claims that follow from no other one and have a repair."""
    own = [f for f in claims if f.cause is None and f.repair is not None]
    return [finding for finding in own if finding.repair.is_applicable]


def diagnosed(case: Any) -> tuple[Any, Any]:
    """Returns what a whole training has shown, and the set-up before it."""
    from keras_extras.callbacks import TrainingDiagnostics
    from keras_extras.diagnostics import Diagnosis

    # As often on a busy machine as on an idle one.
    diagnostics = TrainingDiagnostics(every=EVERY, verbose=0)
    case.make(0).train([diagnostics])
    setup = case.make(0)  # with the weights that the training began with
    if not setup.model.built:
        setup.model.evaluate(setup.x, setup.y, steps=1, verbose=0)
    return (
        Diagnosis(diagnostics.observations, diagnostics.findings, setup.model),
        setup,
    )


def verified(case: Any) -> tuple[Any, Any]:
    """Returns what as many steps show, and what came of trying the repairs."""
    import keras_extras

    setup = case.make(0)
    arguments = {k: v for k, v in setup.fit.items() if k != "callbacks"}
    steps = steps_of(setup)
    diagnosis = keras_extras.diagnose(
        setup.model, setup.x, setup.y, steps, setup.validation, True, **arguments
    )
    return diagnosis, setup


def steps_of(setup: Any) -> int:
    """Returns how many batches the training of a set-up has, 300 if unknown."""
    if not isinstance(setup.x, np.ndarray):
        return 300
    batches = -(-len(setup.x) // (setup.fit.get("batch_size") or 32))
    return batches * setup.fit.get("epochs", 1)


@functools.cache
def outcomes() -> dict[str, str]:
    """Returns what the healthy twins came to, as `faults/outcomes.md` lists it."""
    text = (Path(__file__).parent / "faults" / "outcomes.md").read_text()
    cells = (row.split("|")[-2].strip() for row in text.splitlines() if "|" in row)
    pairs = (cell.partition(": ") for cell in cells)
    return {id: came_to for id, _, came_to in pairs if came_to}


def known_outcome(id: str) -> dict[str, float] | None:
    """Returns the last metrics of a twin, `None` where they are not listed."""
    logs: dict[str, float] = {}
    for part in outcomes().get(id, "").split(", "):
        name, _, values = part.partition(" ")
        for prefix, value in zip(("", "val_"), values.split(" / ")):
            try:
                logs[prefix + name] = float(value)
            except ValueError:
                return None
    return logs or None


def last(history: Any) -> dict[str, float]:
    return {name: float(values[-1]) for name, values in history.history.items()}


def trained(cases: list[Any], options: Any) -> Iterator[dict[str, Any]]:
    """Yields a result for each case as it comes."""
    switches = {"--verify": options.verify, "--together": options.together}
    command = [__file__, "--worker", *(n for n, wanted in switches.items() if wanted)]
    workers = CaseWorkers(command, RECYCLE, options.timeout, _failed)
    return workers.results(cases, options.jobs)


def _failed(case: Any, failure: str) -> dict[str, Any]:
    return {
        "id": case.id,
        "half": case.half,
        "labels": list(case.labels),
        "findings": [],
        "refused": "",
        "failure": failure,
        "seconds": 0,
    }


def chosen(options: Any) -> list[Any]:
    from faults import CASES

    faulty = [c for c in CASES.values() if not c.healthy and c.twin is not None]
    if options.only:
        return [CASES[id] for id in options.only]
    if options.half == "others":
        faulty = [c for c in faulty if c.half != "tuned"]
    elif options.half != "all":
        faulty = [c for c in faulty if c.half == options.half]
    if options.label:
        faulty = [c for c in faulty if c.labels[0] in options.label]
    if options.sample and options.sample < len(faulty):
        return random.Random(0).sample(faulty, options.sample)
    return faulty


def parse() -> Any:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=(*PARTS, "others", "all"), default="all")
    parser.add_argument("--sample", type=int, metavar="N", help="so many, by a seed")
    parser.add_argument("--only", nargs="+", metavar="ID", help="ids of cases")
    parser.add_argument("--label", nargs="+", metavar="CODE", help="causes of cases")
    parser.add_argument("--verify", action="store_true", help="try repairs first")
    parser.add_argument("--together", action="store_true", help="all causes at once")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    parser.add_argument("--resume", action="store_true", help="go on where it stopped")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE")
    parser.add_argument("--timeout", type=float, default=300, help="seconds per case")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    options = parse()
    if options.worker:
        work(options)
        return
    cases, results = chosen(options), []
    options.results.parent.mkdir(parents=True, exist_ok=True)
    if options.resume and options.results.exists():
        lines = map(json.loads, options.results.read_text().splitlines())
        ids = {case.id for case in cases}
        results = [r for r in lines if r["id"] in ids and not r.get("failure")]
    known = {result["id"] for result in results}
    with options.results.open("a" if options.resume else "w") as file:
        for result in trained([c for c in cases if c.id not in known], options):
            file.write(json.dumps(result) + "\n")
            file.flush()
            results.append(result)
            print(line(result), flush=True)
    print(report(results))


if __name__ == "__main__":
    main()
