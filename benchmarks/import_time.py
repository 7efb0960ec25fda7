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
import {module}
print(time.perf_counter() - started)
"""


def seconds(module: str) -> float:
    """Returns how long importing `module` takes after `import keras`."""
    command = [sys.executable, "-c", _TIMED.format(module=module)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=11)
    runs = parser.parse_args().runs
    times: dict[str, list[float]] = {"keras_extras": [], "keras": []}
    for _ in range(runs):
        for module, measured in times.items():
            measured.append(seconds(module))
    for module, measured in times.items():
        note = " (control: already imported)" if module == "keras" else ""
        print(
            f"import {module}{note}: median {statistics.median(measured):.3f} s, "
            f"{min(measured):.3f} to {max(measured):.3f} s"
        )


if __name__ == "__main__":
    main()
