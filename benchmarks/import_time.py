"""What `import keras_extras` adds to `import keras`, in fresh processes.

Run as `python benchmarks/import_time.py [--runs N]`.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

_TIMED = """
import time
import keras
started = time.perf_counter()
{statement}
print(time.perf_counter() - started)
"""


ARMS = {
    "import keras_extras": "import keras_extras",
    "... and its callbacks": "from keras_extras import callbacks",
    "import keras (control: already imported)": "import keras",
}


def seconds(statement: str) -> float:
    """Returns how long a statement takes after `import keras`."""
    command = [sys.executable, "-c", _TIMED.format(statement=statement)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    times: dict[str, list[float]] = {name: [] for name in ARMS}
    for run in range(runs + 1):
        for name, measured in times.items():
            taken = seconds(ARMS[name])
            if run:  # the first one may have to compile
                measured.append(taken)
    kept = "not kept: compiled each time" if sys.dont_write_bytecode else "kept"
    print(f"Bytecode is {kept}.")
    for name, measured in times.items():
        print(
            f"{name}: median {statistics.median(measured):.4f} s, "
            f"{min(measured):.4f} to {max(measured):.4f} s"
        )


if __name__ == "__main__":
    main()
