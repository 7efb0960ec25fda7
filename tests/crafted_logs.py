"""Events that no callback of ours would write: each in a run of its own."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_TENSOR
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.summary_pb2 import SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.util.tensor_util import make_tensor_proto

from keras_diagnostics import schema
from keras_diagnostics.event_files import checksums_of
from keras_diagnostics.event_files import masked

LAYERS = ("a", "b", "c")
_FILE = "events.out.tfevents.1.host.1.0.keras_extras"
_DEEP = "[" * 20_000 + "]" * 20_000
_BIG = "1" + "0" * 400


def framed(record):
    """Returns a record as event files hold it, with right checksums."""
    head = struct.pack("<Q", len(record))
    sums = [masked(checksums_of([data])[0]) for data in (head, record)]
    return head + struct.pack("<I", sums[0]) + record + struct.pack("<I", sums[1])


def write(directory: Path, events):
    """Writes serialised events, or bytes that are none, as a run."""
    directory.mkdir(parents=True, exist_ok=True)
    first = Event(wall_time=1.0, file_version="brain.Event:2").SerializeToString()
    records = b"".join(map(framed, [first, *events]))
    (directory / _FILE).write_bytes(records)


def cases():
    """Returns the events of each run by its name."""
    made = {}
    for number, (name, events) in enumerate(_all()):
        made[f"{number:03d} {name.replace('/', ' ')}"] = events
    return made


def _all():
    yield from _documents()
    yield from _contents()
    yield from _tensors()
    yield from _steps_and_names()
    yield from _scalars()


def _event(step, value, wall=2.0):
    event = Event(wall_time=wall, step=step, summary=Summary(value=[value]))
    return event.SerializeToString()


def _metadata(content, plugin=schema.PLUGIN_NAME):
    content = content if isinstance(content, bytes) else content.encode()
    data = SummaryMetadata.PluginData(plugin_name=plugin, content=content)
    return SummaryMetadata(plugin_data=data, data_class=DATA_CLASS_TENSOR)


def _content(kind, layers=LAYERS, version=1):
    document = {"version": version, "kind": kind, "layers": layers}
    return json.dumps(document)


def _document(kind, text, step=1):
    text = text if isinstance(text, bytes) else text.encode()
    tensor = make_tensor_proto(np.array(text, object))
    value = Summary.Value(
        tag=schema.tag_of(kind), tensor=tensor, metadata=_metadata(_content(kind, []))
    )
    return _event(step, value)


def _vector(tensor, step=1, name="gradient_norm", content=None, wall=2.0):
    if not isinstance(tensor, TensorProto):
        tensor = make_tensor_proto(tensor)
    content = _content("layers") if content is None else content
    tag = schema.tag_of(name)
    metadata = _metadata(content)
    return _event(step, Summary.Value(tag=tag, tensor=tensor, metadata=metadata), wall)


def _documents():
    anywhere = {
        "deep": _DEEP,
        "deep object": '{"a":' * 20_000 + "1" + "}" * 20_000,
        "no JSON": "{not json",
        "empty": "",
        "not UTF-8": b'[{"code":"\xff\xfe"}]',
        "null": "null",
        "a number": "3",
        "a text": '"text"',
        "a list of numbers": "[1, 2]",
        "a list of lists": "[[[1]]]",
        "an empty object": "{}",
        "many objects": json.dumps([{}] * 20_000),
        "NaN": "NaN",
        "a huge integer": _BIG,
    }
    for kind in ("findings", "run", "epoch", "sweep", "curve"):
        for name, text in anywhere.items():
            yield f"{kind} is {name}", [_document(kind, text)]
    yield "findings are 9 MB", [_document("findings", json.dumps("x" * 9_000_000))]
    fields = {
        "findings": [
            '[{"code":"\\ud800","layer":"\\udfff","evidence":"\\ud800"}]',
            '[{"severity":["error"],"code":{"a":1},"layer":[1],"cause":{}}]',
            '[{"severity":"error","first_step":Infinity,"last_step":-Infinity,'
            '"confidence":NaN}]',
            f'[{{"severity":"error","first_step":{_BIG},"last_step":-7}}]',
            '[{"severity":"error","code":"x","first_step":9,"last_step":1}]',
            json.dumps([{"code": "x" * 300_000, "severity": "error"}]),
            json.dumps([{"code": "\u202egnp", "evidence": "\u2028", "layer": "\0"}]),
            json.dumps([{"id": "x", "run": "other", "code": "`|<b>"}]),
        ],
        "run": [
            '{"recorded":"x","first_step":[],"last_step":{},"values":{"a":1}}',
            '{"first_step":-9,"last_step":-5,"recorded":-1}',
            f'{{"first_step":{_BIG},"last_step":Infinity,"recorded":NaN}}',
            f'{{"about":{{"a":NaN,"b":-Infinity,"c":{_BIG},"d":[1],"e":null}}}}',
            json.dumps({"about": {f"h{n}": n for n in range(20_000)}}),
            json.dumps({"values": [f"learning_rate/{n}" for n in range(20_000)]}),
            json.dumps({"about": {"<b>": "<script>", "\u202e": "x" * 100_000}}),
            json.dumps({"session": {"a": [1]}, "values": [None, 1, {}]}),
        ],
        "epoch": [
            '{"epoch":0,"logs":{"loss":NaN,"val_loss":Infinity,"mae":-Infinity}}',
            f'{{"epoch":{_BIG},"logs":{{"loss":{_BIG}}}}}',
            '{"epoch":-3,"logs":{"loss":"x","val_loss":[1],"mae":{}}}',
            '{"epoch":0,"logs":[1]}',
            json.dumps({"epoch": 0, "logs": {f"m{n}": n for n in range(10_000)}}),
            json.dumps({"epoch": 0, "logs": {"<b>%{x}": 1, "\u202e": 2, "": 3}}),
        ],
        "curve": [
            json.dumps({"logs": logs, "hyperparameters": logs})
            for logs in (
                [1],
                {"steps": 5, "values": {"loss": 1}},
                {"steps": [-1, 2], "values": {"loss": [1, 2]}},
                {"steps": [1e300, float("nan")], "values": {"loss": [1, 2]}},
                {"steps": [0, 1], "values": {"loss": [1]}},
                {"steps": [0, 1], "values": {"loss": ["x", {}]}},
                {"steps": [0, 1], "values": [1, 2]},
                {"steps": [1, 0, 1], "values": {"learning_rate": [1, 2, 1e400]}},
                {"steps": [0], "values": {f"m{n}": [n] for n in range(9_000)}},
                {"steps": list(range(90_000)), "values": {"loss": [1] * 90_000}},
            )
        ],
        "sweep": [
            _sweep(rates=["a", "b", "c"]),
            _sweep(rates=[1e-3]),
            _sweep(rates=1, losses=2, smoothed=3),
            _sweep(rates=[], losses=[], smoothed=[]),
            _sweep(rates=[-1, 0, float("nan")]),
            _sweep(rates=[[1], [2], [3]]),
            _sweep(losses=[float("nan")] * 3, smoothed=[float("inf")] * 3),
            _sweep(suggestions=[1], suggestion="x", rule=["a"]),
            _sweep(suggestion=float("inf"), suggestions={"<b>": float("nan")}),
            _sweep(suggestions={str(n): 0.1 for n in range(20_000)}),
            f'{{"rates":[1,2,{_BIG}],"losses":[1,2,{_BIG}],"smoothed":[1,2,3],'
            f'"suggestion":{_BIG},"rule":"valley","suggestions":{{"valley":{_BIG}}}}}',
            _sweep(**dict.fromkeys(("rates", "losses", "smoothed"), [1] * 200_000)),
        ],
    }
    for kind, texts in fields.items():
        for number, text in enumerate(texts):
            yield f"{kind} has fields {number}", [_document(kind, text)]
    logs = json.dumps({"epoch": 0, "logs": {"loss": 1.0}})
    yield "epochs go back", [_document("epoch", logs, step) for step in (9, 5, 1)]
    yield "epoch before 0", [_document("epoch", logs, step) for step in (-9, -(2**62))]
    floats = make_tensor_proto(np.ones(2, np.float32))
    tag, metadata = schema.FINDINGS_TAG, _metadata(_content("findings"))
    value = Summary.Value(tag=tag, tensor=floats, metadata=metadata)
    yield "findings are floats", [_event(1, value)]


def _sweep(**changed):
    usual = {"rates": [1e-5, 1e-3, 0.1], "losses": [2, 1, 3], "smoothed": [2, 1, 3]}
    more = {"suggestion": 0.01, "rule": "valley", "suggestions": {"valley": 0.01}}
    return json.dumps({**usual, **more, **changed})


def _contents():
    vector = np.ones(3, np.float32)
    for name, content in {
        "deep": _DEEP,
        "empty": b"",
        "not UTF-8": b"\xff\xfe\x00",
        "a list": "[]",
        "version NaN": '{"version":NaN,"kind":"layers","layers":["a","b","c"]}',
        "version infinite": '{"version":Infinity,"kind":"layers","layers":["a"]}',
        "version negative": '{"version":-5,"kind":"layers","layers":["a","b","c"]}',
        "version huge": f'{{"version":{_BIG},"kind":"layers","layers":["a"]}}',
        "version a list": '{"version":[1],"kind":"layers","layers":["a","b","c"]}',
        "kind a list": '{"version":1,"kind":[],"layers":["a","b","c"]}',
        "kind absent": '{"version":1,"layers":["a","b","c"]}',
        "kind another": _content("findings"),
        "layers a number": '{"version":1,"kind":"layers","layers":5}',
        "layers null": '{"version":1,"kind":"layers","layers":null}',
        "layers a text": '{"version":1,"kind":"layers","layers":"abc"}',
        "layers an object": '{"version":1,"kind":"layers","layers":{"a":1,"b":2}}',
        "layers nested": '{"version":1,"kind":"layers","layers":[["a"],{"b":1},null]}',
        "layers alike": _content("layers", ["a", "a", "a"]),
        "layers without names": _content("layers", ["", "", ""]),
        "layers half a pair": '{"version":1,"kind":"layers","layers":["\\ud800"]}',
        "layers markup": _content("layers", ["</script><b>", "%{x}", "\u202e\0\u2028"]),
        "a layer of 300 kB": _content("layers", ["x" * 300_000, "b", "c"]),
        "no layers": _content("layers", []),
    }.items():
        events = [_vector(vector, step, content=content) for step in range(3)]
        yield f"content is {name}", events
    many = [f"layer{n}" for n in range(20_000)]
    content = _content("layers", many)
    events = [_vector(np.ones(20_000, np.float32), n, content=content) for n in (1, 2)]
    yield "content has 20,000 layers", events


def _tensors():
    for name, tensor in {
        "of integers": np.array([1, 2, 3]),
        "complex": np.array([1j, 2, 3], np.complex64),
        "of texts": np.array([b"a", b"b", b"c"], object),
        "infinite": np.array([np.inf, np.nan, -np.inf], np.float32),
        "zero": np.zeros(3, np.float32),
        "negative": np.array([-1, -np.inf, -3e38], np.float32),
        "too large for 32 bits": np.array([1e300, -1e300, 1.0]),
        "a matrix": np.ones((3, 3), np.float32),
        "a number": np.float32(1),
        "without values": np.zeros(0, np.float32),
        "without a type": TensorProto(),
        "of an unknown type": _shaped([3], 3, dtype=99),
        "of a resource": _shaped([3], 3, dtype=20),
        "of fewer values": _shaped([3], 2),
        "of more values": _shaped([3], 4),
        "of one value for a gigabyte": _shaped([1 << 14, 1 << 14], 1),
        "of no value for a gigabyte": _shaped([1 << 28], 0),
        "of more than there is memory": _shaped([1 << 40, 1 << 20], 1),
        "of a negative size": _shaped([-3], 3),
        "of a size that overflows": _shaped([1 << 62, 1 << 62], 1),
        "of many dimensions": _shaped([1] * 200, 1),
        "of bytes that do not fit": TensorProto(dtype=1, tensor_content=b"x" * 11),
    }.items():
        yield f"vectors {name}", [_vector(tensor, step) for step in range(3)]
        yield (
            f"shares {name}",
            [
                _vector(tensor, step, "activation_nonfinite_fraction")
                for step in range(3)
            ]
            + [_vector(np.ones(3), step, "activation_std") for step in range(3)],
        )
        value = Summary.Value(
            tag="gradient/a",
            tensor=tensor
            if isinstance(tensor, TensorProto)
            else make_tensor_proto(tensor),
            metadata=_metadata(b"", "histograms"),
        )
        yield f"histograms {name}", [_event(step, value) for step in range(3)]
    # Each is bad in one way only, so that no other hides it.
    for name, buckets in {
        "that go back": [[0, 1, 3], [5, 6, 3], [2, 3, 3]],
        "that count below zero": [[0, 1, 900], [1, 2, -300], [2, 3, 1]],
        "that count nan": [[0, 1, np.nan], [1, 2, 3]],
        "without end": [[0, 1, 1], [1, np.inf, 3]],
        "whose span overflows": [[-1.7e308, 0, 1], [0, 1.7e308, 3]],
        "whose counts overflow": [[0, 1, 1.7e308], [1, 2, 1.7e308]],
        "without values": [[0, 1, 0], [1, 2, 0]],
    }.items():
        tensor = make_tensor_proto(np.array(buckets, float))
        metadata = _metadata(b"", "histograms")
        value = Summary.Value(tag="gradient/a", tensor=tensor, metadata=metadata)
        yield f"histograms {name}", [_event(step, value) for step in range(3)]


def _shaped(shape, values, dtype=1):
    tensor = TensorProto(dtype=dtype, float_val=[1.0] * values)
    for size in shape:
        tensor.tensor_shape.dim.add(size=size)
    return tensor


def _steps_and_names():
    vector = np.ones(3, np.float32)
    for name, steps in {
        "negative": range(-5, 0),
        "backwards": range(50, 0, -1),
        "alike": [3] * 20,
        "far apart": [0, 2**62, 2**63 - 1],
    }.items():
        yield f"steps {name}", [_vector(vector, step) for step in steps]
    for wall in (np.nan, np.inf, -1e300):
        yield f"wall time {wall}", [_vector(vector, n, wall=wall) for n in range(3)]
    yield "tag that leads out", [_vector(vector, name="../../../etc/passwd")]
    yield "tag of nothing", [_vector(vector, name="")]
    yield "tag of 300 kB", [_vector(vector, name="x" * 300_000)]
    yield (
        "layers that differ",
        [
            *(_vector(vector, step) for step in range(3)),
            _vector(
                np.ones(2), 1, "gradient_nonfinite_fraction", _content("layers", ["q"])
            ),
        ],
    )
    yield "no event", [b"\xff\xff\xff", b"", b"\x0a" * 50]
    start = Summary.Value(
        tag="_hparams_/session_start_info", metadata=_metadata(b"\xff\x01", "hparams")
    )
    yield "no hyperparameters", [_event(0, start), _vector(vector)]


def _scalars():
    values = (np.nan, np.inf, -np.inf, 0.0, -1.0, 1e-45, 3e38)
    for tag in ("learning_rate", "mc_ece", "epoch_loss", "learning_rate_finder/loss"):
        yield (
            f"scalars {tag}",
            [
                _vector(np.ones(3, np.float32)),
                *(
                    _event(step, Summary.Value(tag=tag, simple_value=value))
                    for step, value in enumerate(values)
                ),
            ],
        )
    for name, tensor in {
        "without a value": make_tensor_proto(np.zeros(0, np.float32)),
        "of a text": make_tensor_proto(np.array(b"x", object)),
        "of two values": make_tensor_proto(np.ones(2, np.float32)),
        "of a gigabyte": _shaped([1 << 28], 1),
    }.items():
        metadata = _metadata(b"", "scalars")
        metadata.data_class = 1
        value = Summary.Value(tag="momentum", tensor=tensor, metadata=metadata)
        yield f"scalar {name}", [_vector(np.ones(3, np.float32)), _event(1, value)]
