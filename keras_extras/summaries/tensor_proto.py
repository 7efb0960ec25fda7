from __future__ import annotations

import numpy as np
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_DOUBLE
from tensorboard.compat.proto.types_pb2 import DT_FLOAT
from tensorboard.compat.proto.types_pb2 import DT_STRING

_TYPES = {"f4": DT_FLOAT, "f8": DT_DOUBLE}


# TensorBoard's own `make_tensor_proto` loads its stub of TensorFlow first, which takes
# as long as all else that a log needs at the start of a training.
def text_proto(text: str) -> TensorProto:
    """Returns a text as a tensor without axes."""
    return TensorProto(
        dtype=DT_STRING, tensor_shape=TensorShapeProto(), string_val=[text.encode()]
    )


def array_proto(array: np.ndarray) -> TensorProto:
    """Returns an array of floats, of 4 or 8 bytes each."""
    sizes = [TensorShapeProto.Dim(size=size) for size in array.shape]
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return TensorProto(
        dtype=_TYPES[little.dtype.str[1:]],
        tensor_shape=TensorShapeProto(dim=sizes),
        tensor_content=little.tobytes(),
    )
