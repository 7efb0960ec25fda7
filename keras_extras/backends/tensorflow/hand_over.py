from __future__ import annotations

import tensorflow as tf
from tensorflow.python.data.ops.iterator_ops import OwnedIterator
from tensorflow.python.data.util import structure

ro = tf.raw_ops


class HandOver:
    def __init__(self, iterator, model):
        self.spec = iterator.element_spec
        self.types = structure.get_flat_tensor_types(self.spec)
        self.shapes = structure.get_flat_tensor_shapes(self.spec)
        self.res = ro.AnonymousIteratorV3(
            output_types=self.types, output_shapes=self.shapes
        )
        self.mine = OwnedIterator(components=[self.res], element_spec=self.spec)

    def fetch(self, arguments, limit):
        out = []
        for _ in range(limit):
            try:
                out.append(arguments[0].get_next())
            except tf.errors.OutOfRangeError:
                break
        return out or None

    def give(self, batch):
        flat = structure.to_tensor_list(self.spec, batch)
        v = ro.TensorDataset(components=flat, output_shapes=[t.shape for t in flat])
        ro.MakeIterator(dataset=v, iterator=self.res)
        return (self.mine,)

    give_in_another_way = give
