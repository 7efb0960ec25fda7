"""The private names of TensorBoard that the plugin uses are there."""

import argparse
import ast
import inspect
from pathlib import Path

import numpy as np
import pytest
import synthetic_logs as logs
from board_client import Board
from tensorboard.context import RequestContext
from tensorboard.data import grpc_provider

import keras_diagnostics.undecoded as undecoded
from keras_diagnostics.tensors import numbers_of
from keras_diagnostics.undecoded import UndecodedReader

PACKAGE = Path(undecoded.__file__).parent
NAMES = {"_multiplexer", "_stub"}
PAIR = (".", "keras_diagnostics/gradient_norm")


def strings_of(path):
    """Yields private names that are asked for by `getattr`."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "getattr":
            name = node.args[1]
            if isinstance(name, ast.Constant) and name.value.startswith("_"):
                yield name.value


def test_all_of_them_are_listed():
    used = {name for path in PACKAGE.rglob("*.py") for name in strings_of(path)}
    assert used == NAMES


def test_the_python_loader_has_events_behind_its_provider(tmp_path):
    logs.write_run(tmp_path)
    provider = Board("--logdir", str(tmp_path)).ingester.data_provider
    reader = UndecodedReader(provider, None, "")
    points = reader.tensors("keras_diagnostics", [PAIR])[PAIR]
    assert len(points) == 20
    assert points[3].value.DESCRIPTOR.name == "TensorProto"
    expected = logs.records().statistics["gradient_norm"][3]
    np.testing.assert_array_equal(numbers_of(points[3].value), expected)


def test_the_fast_loader_has_a_stub_behind_its_provider():
    provider = grpc_provider.GrpcDataProvider("address", argparse.Namespace(a=1))
    assert provider._stub.a == 1
    assert "ReadTensors(req)" in inspect.getsource(provider.read_tensors)


@pytest.mark.parametrize("works", [True, False])
def test_another_provider_is_asked_for_one_series_at_a_time(tmp_path, works):
    logs.write_run(tmp_path)
    inner = Board("--logdir", str(tmp_path)).ingester.data_provider

    class Other:
        def read_tensors(self, *arguments, **named):
            if not works:
                raise MemoryError("a tensor of gigabytes")
            return inner.read_tensors(*arguments, **named)

    read = UndecodedReader(Other(), RequestContext(), "").tensors(
        "keras_diagnostics", [PAIR]
    )
    if works:
        assert [numbers_of(p.value).shape for p in read[PAIR]] == [(4,)] * 20
    else:
        assert isinstance(read[PAIR], MemoryError)
