"""Files of logs and of searches, on a disk and behind URLs, on every backend."""

import os
from fnmatch import fnmatch

import pytest
from backend_in_use import NAME
from tensorboard.compat import tensorflow_stub
from tensorboard.compat.tensorflow_stub import errors
from tensorboard.compat.tensorflow_stub.io import gfile

from keras_extras import files
from keras_extras.summaries.event_file import EventFile
from keras_extras.tuner import trial_files

REMOTE = "ram" if NAME == "tensorflow" else "memory"


class Memory:
    """A file system without directories, as those behind URLs are."""

    def __init__(self):
        self.contents = {}

    def write(self, path, content, binary_mode=False):
        self.contents[str(path, "utf-8")] = content

    def append(self, path, content, binary_mode=False):
        self.contents[str(path, "utf-8")] += content

    def read(self, path, binary_mode=False, size=None, continue_from=None):
        if str(path, "utf-8") not in self.contents:
            raise errors.NotFoundError(None, None, "no such file")
        return self.contents[str(path, "utf-8")], None

    def exists(self, path):
        return path in self.contents or self.isdir(path)

    def isdir(self, path):
        return any(known.startswith(f"{path}/") for known in self.contents)

    def listdir(self, path):
        below = [
            k.removeprefix(f"{path}/") for k in self.contents if k.startswith(path)
        ]
        return sorted({name.split("/")[0] for name in below})

    def glob(self, pattern):
        return [path for path in self.contents if fnmatch(path, pattern)]

    def makedirs(self, path):
        pass


@pytest.fixture(params=["local", "remote"])
def root(request, tmp_path, monkeypatch):
    if request.param == "local":
        return str(tmp_path)
    # TensorFlow has a file system in memory; the stub is given one.
    monkeypatch.setitem(gfile._REGISTERED_FILESYSTEMS, "memory", Memory())
    return f"{REMOTE}://{tmp_path.name}"


def test_files_of_trials_are_written_read_and_found(root):
    project = f"{root}/search[1]" if files.is_local(root) else f"{root}/search"
    for trial, value in (("7", 1), ("8", 2)):
        path = trial_files.in_trial(project, trial, "progress0.json")
        files.make_directory(os.path.dirname(path))
        trial_files.write(path, {"value": 0})
        trial_files.write(path, {"value": value})
    paths = trial_files.all_of(project, "progress*.json")
    assert [trial_files.read(path)["value"] for path in paths] == [1, 2]
    assert files.exists(paths[0])
    assert files.names_in(os.path.dirname(paths[0])) == ["progress0.json"]


def test_what_is_not_there_is_nothing(root):
    missing = f"{root}/missing"
    assert trial_files.read(missing) is None
    assert not files.exists(missing)
    assert files.names_in(missing) == []
    assert files.paths_like(missing, "*") == []


def test_what_is_no_json_is_nothing(root):
    files.make_directory(root)
    files.write_text(f"{root}/half.json", '{"value": ')
    assert trial_files.read(f"{root}/half.json") is None


def test_events_are_appended(root):
    event_file = EventFile(f"{root}/run")
    event_file.write(b"first")
    event_file.flush()
    event_file.write(b"second")
    event_file.flush()
    event_file.close()
    (name,) = files.names_in(f"{root}/run")
    assert event_file.path == f"{root}/run/{name}"
    with (
        open(event_file.path, "rb")
        if files.is_local(root)
        else files.remote_files().GFile(event_file.path, "rb")
    ) as file:
        content = file.read()
    assert content.index(b"brain.Event:2") < content.index(b"first")
    assert content.index(b"first") < content.index(b"second")


def test_a_draft_that_fails_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = str(tmp_path / "file.json")
    files.write_text(path, "old")

    def fails(*paths):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError, match="no space left"):
        files.write_text(path, "new")
    assert files.read_text(path) == "old"


def test_files_behind_urls_are_those_of_the_backend():
    is_stub = files.remote_files() is tensorflow_stub.io.gfile
    assert is_stub == (NAME != "tensorflow")
