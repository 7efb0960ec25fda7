"""Defines a judgement of an output: the parts of a finding."""

from __future__ import annotations

from keras_extras.records.finding import Severity

# Severity, confidence, evidence and remedy.
Claim = tuple[Severity, float, str, str]
