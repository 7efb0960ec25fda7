"""A training report as one HTML file: `python -m keras_extras.report LOGDIR`.

Neither TensorFlow nor TensorBoard is started. See `--help` for JSON and Markdown.
"""

from __future__ import annotations

import sys

from keras_diagnostics.report import main

if __name__ == "__main__":
    sys.exit(main())
