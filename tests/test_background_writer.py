"""The thread that writes, without any training."""

import gc
import random
import struct
import subprocess
import sys
import threading

import disks
import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.tensorflow_stub import pywrap_tensorflow

from keras_extras.summaries import background_writer
from keras_extras.summaries.background_writer import BackgroundWriter
from keras_extras.summaries.crc32c import masked_crc32c
from keras_extras.summaries.event_file import EventFile
from keras_extras.summaries.writer import open_writer


def event(step, size=0):
    return Event(step=step, file_version="x" * size).SerializeToString()


def start(directory):
    return BackgroundWriter(str(directory), lambda last: ())


def put(writer, steps, size=0):
    for step in steps:
        writer.put(lambda step=step: [event(step, size)], size)


@pytest.fixture
def pipes(monkeypatch):
    """Has files be pipes that can be opened, and that nobody reads."""
    made = disks.Pipes(hold=True)
    monkeypatch.setattr(EventFile, "_open", lambda file: made.open(file))
    monkeypatch.setattr(background_writer, "_STALL_SECONDS", 0.2)
    yield made
    made.release()


def steps_of(content):
    """Returns the steps of the events in the bytes of a file, but for its header."""
    steps = []
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        steps.append(Event.FromString(content[12 : 12 + length]).step)
        content = content[16 + length :]
    return steps[1:]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 8, 255, 256, 257, 259, 260, 5000])
def test_checksum_equals_that_of_tensorboard(size):
    for data in (random.Random(size).randbytes(size), bytes(size), b"\xff" * size):
        assert masked_crc32c(data) == pywrap_tensorflow.masked_crc32c(data)


def test_events_are_written_in_order(tmp_path):
    writer = start(tmp_path)
    put(writer, range(500))
    writer.end()
    assert [e.step for e in disks.events_in(tmp_path)[1:]] == list(range(500))
    assert writer.losses() is None


def test_large_buffer_is_written_before_the_flush(tmp_path):
    writer = start(tmp_path)
    put(writer, range(3), size=800_000)
    writer.flush()
    (path,) = tmp_path.iterdir()
    assert path.stat().st_size > 2_400_000
    writer.end()


def test_flush_waits_for_what_was_queued_before(tmp_path):
    writer = start(tmp_path)
    put(writer, range(500))
    writer.flush()
    assert len(disks.events_in(tmp_path)) == 501
    writer.end()


def test_busy_queue_does_not_put_flushes_off(tmp_path, monkeypatch):
    monkeypatch.setattr(background_writer, "_FLUSH_SECONDS", 0.01)
    writer, seen = start(tmp_path), threading.Event()

    def make(step):
        if step > 2 and len(disks.events_in(tmp_path)) > 1:
            seen.set()
        writer.put(lambda: make(step + 1)) if not seen.is_set() else None
        return [event(step)]

    writer.put(lambda: make(0))
    assert seen.wait(60)
    writer.end()


def test_what_does_not_fit_into_the_queue_is_dropped_and_counted(
    pipes, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(background_writer, "_MOST_BYTES", 300_000)
    writer = start(tmp_path)
    put(writer, range(200), size=10_000)
    writer.end()
    assert "does not answer" in writer.losses()
    assert [r.message for r in caplog.records] == [
        f"{tmp_path} does not answer: summaries are dropped, and training goes on"
    ]
    (content,) = pipes.read()
    written = steps_of(content)
    assert written == list(range(len(written)))
    assert 30 <= len(written) < 200
    assert f"{200 - len(written)} of 200 summaries" in writer.losses()
    assert "too slow" in writer.losses()


def test_disk_that_answers_again_gets_what_comes_then(pipes, tmp_path, monkeypatch):
    monkeypatch.setattr(background_writer, "_MOST_BYTES", 300_000)
    writer = start(tmp_path)
    put(writer, range(200), size=10_000)
    contents = []
    reader = threading.Thread(target=lambda: contents.extend(pipes.read()))
    reader.start()
    while writer._bytes_in > writer._bytes_out:
        writer.flush()
    put(writer, range(200, 210))
    writer.end()
    reader.join()
    written = steps_of(contents[0])
    assert written[-10:] == list(range(200, 210))
    assert written == sorted(written)
    assert f"{210 - len(written)} of 210 summaries" in writer.losses()


def test_full_disk_ends_the_writing(tmp_path, monkeypatch, caplog):
    files = []
    monkeypatch.setattr(background_writer, "_FLUSH_SECONDS", 3600)
    opened = EventFile._open
    monkeypatch.setattr(EventFile, "_open", lambda f: files.append(f) or opened(f))
    writer = start(tmp_path)
    put(writer, range(10))
    writer.flush()
    disks.fill(files[0])
    put(writer, range(10, 30))
    writer.flush()
    put(writer, range(30, 50))
    writer.end()
    assert [e.step for e in disks.events_in(tmp_path)[1:]] == list(range(10))
    assert "40 of 50 summaries are lost" in writer.losses()
    assert "No space left" in writer.losses()
    assert len(caplog.records) == 1


def test_disk_that_is_full_from_the_start_is_an_error(tmp_path, monkeypatch):
    full = lambda file: open("/dev/full", "wb", buffering=0)  # noqa: SIM115 - closed by the writer
    monkeypatch.setattr(EventFile, "_open", full)
    with pytest.raises(OSError, match="No space left"):
        start(tmp_path)


def test_failure_of_ours_ends_the_writing_only(tmp_path, caplog):
    writer = start(tmp_path)
    put(writer, range(3))
    writer.flush()
    writer.put(lambda: 1 / 0)
    put(writer, range(3))
    writer.end()
    assert "4 of 7 summaries are lost (division by zero)" in writer.losses()


ENDS = """
import os
import sys
from keras_extras.summaries import background_writer
from keras_extras.summaries.event_file import EventFile

background_writer._STALL_SECONDS = 0.2

def open_pipe(file):
    if "pipe" not in file.path:
        return opened(file)
    os.mkfifo(file.path)
    return open(file.path, "wb", buffering=0)

opened, EventFile._open = EventFile._open, open_pipe
for name in ("pipe1", "file", "pipe2"):
    writer = background_writer.BackgroundWriter(
        os.path.join(sys.argv[1], name), lambda last: ()
    )
    for _ in range(10):
        writer.put(lambda: [b"event"])
print("end")
"""


def test_python_ends_whatever_the_disk_does(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", ENDS, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stdout) == (0, "end\n"), done.stderr
    assert done.stderr.count("10 of 10 summaries are lost (the disk does not") == 2
    (path,) = (tmp_path / "file").iterdir()
    assert path.read_bytes().count(b"event") == 10


class Fit:
    """Stands for the list of callbacks of a `fit`."""


def test_callbacks_of_one_training_share_a_writer(tmp_path):
    fit = Fit()
    first, second = open_writer(str(tmp_path), fit), open_writer(str(tmp_path), fit)
    assert first is second
    first.close()
    assert not first.is_finished
    second.close()
    assert first.is_finished


def test_training_that_died_loses_nothing(tmp_path):
    fit = Fit()
    writer = open_writer(str(tmp_path), fit)
    writer.scalars(1, {"a": 1.0})
    background = writer._background
    del fit
    gc.collect()
    while not background.is_ended:
        pass
    assert disks.steps_in(tmp_path, "a") == [1]
    assert background.losses() is None


def test_writer_that_nobody_holds_ends(tmp_path):
    writer = open_writer(str(tmp_path))
    writer.scalars(1, {"a": 1.0})
    background = writer._background
    del writer
    gc.collect()
    while not background.is_ended:
        pass
    assert disks.steps_in(tmp_path, "a") == [1]


def test_next_training_finds_all_of_the_one_before_in_the_log(tmp_path):
    dead, alive = Fit(), Fit()
    writers = [open_writer(str(tmp_path), fit) for fit in (dead, alive)]
    for step, writer in enumerate(writers):
        writer.scalars(step, {"a": 1.0})
    del dead, writer
    third = open_writer(str(tmp_path), Fit())
    assert third not in writers
    assert writers[0].is_finished
    assert not writers[1].is_finished
    assert disks.steps_in(tmp_path, "a") == [0, 1]
    for writer in (writers[1], third):
        writer.close()


def test_last_user_but_one_leaves_nothing_behind(tmp_path):
    first, second = open_writer(str(tmp_path)), open_writer(str(tmp_path))
    first.scalars(1, {"a": 1.0})
    first.close()
    assert disks.steps_in(tmp_path, "a") == [1]
    second.close()
