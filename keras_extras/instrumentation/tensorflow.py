"""The TensorFlow side of the instrument, `tf.distribute` included."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import attr_value_pb2

from keras_extras.instrumentation.backend import Step
from keras_extras.instrumentation.backend import TrainFunction


class TensorFlowBuffer:
    """A variable outside the model: nothing that is saved knows of it."""

    def __init__(self, strategy: tf.distribute.Strategy, rows: int, width: int) -> None:
        self._strategy = strategy
        self._rows = rows
        self._read_rows = 0
        if tf.executing_eagerly():
            self._make(width)
            return
        # A step that is being traced makes this one, which must outlive it; and a step
        # that seems to make variables of its own is traced a second time.
        with ThreadPoolExecutor(1) as outside:
            outside.submit(self._make, width).result()

    def _make(self, width: int) -> None:
        with self._strategy.scope():
            self._value = self._variable(tf.zeros((self._rows, width)))
            self._written = self._variable(tf.zeros((), tf.int64))

    def _variable(self, initial_value: tf.Tensor) -> tf.Variable:
        return tf.Variable(
            initial_value,
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.SUM,
        )

    def write(self, value: tf.Tensor) -> None:
        if self._rows == 1:
            self._value.assign(value[tf.newaxis])
            return
        row = tf.reshape(self._written % self._rows, (1, 1))
        self._value.assign(
            tf.tensor_scatter_nd_update(self._value, row, value[tf.newaxis])
        )
        self._written.assign_add(1)

    def write_unless(
        self,
        condition: tf.Tensor,
        value: Callable[..., tf.Tensor],
        inputs: list[tf.Tensor],
    ) -> None:
        def write(*tensors: tf.Tensor) -> tf.Tensor:
            self._value.assign(value(self._value[0], *tensors)[tf.newaxis])
            return tf.zeros(())

        if tf.executing_eagerly():
            if not condition:
                write(*inputs)
        else:
            _run_unless(condition, write, inputs)

    def read(self) -> list[np.ndarray]:
        values = [_read(v) for v in self._local(self._value)]
        if self._rows == 1:
            return values
        written = int(_read(self._local(self._written)[0]))
        rows = [row % self._rows for row in range(self._read_rows, written)]
        self._read_rows = written
        return [value[rows[-self._rows :]] for value in values]

    def clear(self) -> None:
        for value in self._local(self._value):
            value.assign(tf.zeros_like(value))

    def _local(self, variable: tf.Variable) -> tuple[Any, ...]:
        return self._strategy.experimental_local_results(variable)


class TensorFlowBackend:
    """Implements `keras_extras.instrumentation.backend.Backend`."""

    def buffer(self, model: Any, rows: int, width: int) -> TensorFlowBuffer:
        return TensorFlowBuffer(model.distribute_strategy, rows, width)

    def train_function(self, model: Any, wrap: Callable[[Step], Step]) -> TrainFunction:
        own_function = model.train_function
        own_step = vars(model).get("train_step")
        step = wrap(model.train_step)
        vars(model)["train_step"] = step
        try:
            model.make_train_function(force=True)
            return model.train_function
        finally:
            model.train_function = own_function
            if own_step is None:
                del vars(model)["train_step"]
            else:
                vars(model)["train_step"] = own_step

    def build(self, model: Any, data: Any) -> None:
        batch = tf.nest.map_structure(
            lambda spec: keras.KerasTensor(spec.shape, spec.dtype.name),
            data.element_spec,
        )
        with model.distribute_strategy.scope():
            model._symbolic_build(data_batch=batch)

    def scope(self) -> Any:
        return None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()

    def within(self, tensor: Any, scope: Any) -> bool:
        if not tf.is_tensor(tensor) or isinstance(
            tensor, tf.SparseTensor | tf.RaggedTensor
        ):
            return False
        return scope is None or getattr(tensor, "graph", None) is scope

    def as_dense(self, gradient: Any, variable: Any, jit_compile: bool) -> tf.Tensor:
        if not isinstance(gradient, tf.IndexedSlices):
            return gradient
        if jit_compile:  # the number of distinct rows is unknown to XLA
            return tf.convert_to_tensor(gradient)
        rows, position = tf.unique(gradient.indices)
        return tf.math.unsorted_segment_sum(gradient.values, position, tf.size(rows))

    def half_square_sum(self, tensor: tf.Tensor) -> tf.Tensor:
        return tf.nn.l2_loss(tensor)  # one pass, no temporary

    def sum_over_replicas(self, tensors: list[Any]) -> list[Any]:
        context = tf.distribute.get_replica_context()
        if context is None or context.num_replicas_in_sync == 1 or not tensors:
            return tensors
        return context.all_reduce(tf.distribute.ReduceOp.SUM, tensors)

    def replicas(self, model: Any) -> int:
        return model.distribute_strategy.num_replicas_in_sync


def _run_unless(
    condition: tf.Tensor, function: Callable[..., tf.Tensor], inputs: list[tf.Tensor]
) -> None:
    """Runs `function(*inputs)` in the step unless `condition` holds.

    `tf.cond` would be taken apart into the operations of both branches, and each of
    them and of their inputs cost time in every step. This stays one operation, and
    wakes no other thread for the branch that does nothing.
    """
    specs = [tf.TensorSpec.from_tensor(tensor) for tensor in inputs]
    taken = tf.function(function, autograph=False).get_concrete_function(*specs)
    captured = list(taken.captured_inputs)
    specs += [tf.TensorSpec(t.shape, t.dtype) for t in captured]
    skipped = tf.function(lambda *tensors: tf.zeros(()), autograph=False)
    tf.raw_ops.If(
        cond=condition,
        input=inputs + captured,
        Tout=[tf.float32],
        then_branch=_in_this_thread(skipped.get_concrete_function(*specs)),
        else_branch=_in_this_thread(taken),
    )


def _in_this_thread(function: Any) -> Any:
    """Returns what names a concrete function to an operation of the graph."""
    function.add_to_graph(tf.compat.v1.get_default_graph())
    named = attr_value_pb2.NameAttrList(name=function.name)
    named.attr["_executor"].s = b"SINGLE_THREADED_EXECUTOR"
    return named


def _read(variable: tf.Variable) -> np.ndarray:
    # `variable.numpy()` copies on the device first, which takes longer than the rest.
    value = tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype)
    return value.numpy()
