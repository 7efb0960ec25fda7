"""Whether faults do harm: each trained beside its healthy twin, on several seeds.

Run as `python benchmarks/harm.py [--part PART] [--look first|unseen] [--seeds 0 1 2]`.
No callback of ours is in it. A case is scored by its own `score`, or by what is left of
its last loss against the twin's. It does harm where it comes out worse than its twin by
`--margin` on each seed. Results are kept in `--results`, and a later run goes on there.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from diagnosis import all_cases

MARGIN = 0.04


def scored(case: Any, seed: int) -> float:
    """Returns how good the model of a case is; the worst number where it is none."""
    setup = case.make(seed)
    history = setup.train().history
    if setup.score is not None:
        found = setup.score(setup.model, history)
    else:
        found = _by_metrics(history)
    return found if found == found else -1e9


def _by_metrics(history: dict[str, Any]) -> float:
    for name in ("val_accuracy", "val_binary_accuracy", "accuracy", "binary_accuracy"):
        if name in history:
            return float(history[name][-1])
    name = "val_loss" if "val_loss" in history else "loss"
    return -float(history[name][-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", default="silent")
    parser.add_argument("--look", choices=("first", "unseen"))
    parser.add_argument("--only", nargs="+", default=())
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--margin", type=float, default=MARGIN)
    parser.add_argument("--results", type=Path, default=Path("logs/harm.jsonl"))
    options = parser.parse_args()
    options.results.parent.mkdir(parents=True, exist_ok=True)
    known: dict[tuple[str, int], float] = {}
    if options.results.exists():
        for line in options.results.read_text().splitlines():
            row = json.loads(line)
            known[row["id"], row["seed"]] = row["score"]
    cases = all_cases(None)
    chosen = [
        case
        for case in cases.values()
        if case.half == options.part
        and case.twin
        and options.look in (None, case.look)
        and (not options.only or case.id in options.only)
    ]

    def result(id: str, seed: int) -> float:
        if (id, seed) not in known:
            began = time.perf_counter()
            try:
                known[id, seed] = scored(cases[id], seed)
            except Exception as error:
                print(f"FAILED {id} {type(error).__name__}: {error}", flush=True)
                known[id, seed] = float("nan")
            row = {"id": id, "seed": seed, "score": known[id, seed]}
            row["seconds"] = round(time.perf_counter() - began, 1)
            with options.results.open("a") as file:
                file.write(json.dumps(row) + "\n")
        return known[id, seed]

    harmful = 0
    for case in chosen:
        pairs = [(result(case.id, s), result(case.twin, s)) for s in options.seeds]
        worse = [good - bad for bad, good in pairs]
        does = all(each > options.margin for each in worse)
        harmful += does
        text = " ".join(f"{bad:.3g}/{good:.3g}" for bad, good in pairs)
        print(f"{'harm' if does else 'NO HARM':8} {case.id:44} {text}", flush=True)
    print(f"{harmful} of {len(chosen)} do harm on seeds {options.seeds}")


if __name__ == "__main__":
    main()
