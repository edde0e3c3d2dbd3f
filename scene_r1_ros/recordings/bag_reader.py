"""Messages of a rosbag2 or MCAP file by topic and log time; any thread may ask."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..errors import RecordingError, RecordingFormatError

Result = TypeVar("Result")
SUFFIXES = (".mcap", ".db3")


def is_bag(path: Path) -> bool:
    """Whether ``path`` is a bag file, or a folder with one."""
    if path.is_dir():
        return (path / "metadata.yaml").is_file() or _only_storage(path) is not None
    return path.suffix in SUFFIXES


def _only_storage(folder: Path) -> Path | None:
    files = [file for file in folder.iterdir() if file.suffix in SUFFIXES]
    return files[0] if len(files) == 1 else None


@dataclass(frozen=True)
class Logged:
    """A message in the bag: its log time and the stamp and frame of its header."""

    log_ns: int
    stamp_ns: int
    frame_id: str


class BagReader:
    """An open bag. The storage is read by one thread of its own, as SQLite demands.

    ``types`` maps each topic to its message type.

    Raises:
        RecordingFormatError: if it is damaged or of a version that is not known.
    """

    def __init__(self, path: Path) -> None:
        from rosbags.typesys import Stores, get_typestore

        self.path = path
        self._closed = False
        self._store = get_typestore(Stores.ROS2_JAZZY)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bag")
        try:
            self._reader = self._run(self._open)
        except BaseException:
            self._thread.shutdown()
            raise
        self.types = {item.topic: item.msgtype for item in self._reader.connections}

    def close(self) -> None:
        """Close the files; the reader cannot be used afterwards."""
        if not self._closed:
            self._closed = True
            self._run(self._reader.close)
            self._thread.shutdown()

    def first(self, topic: str) -> Any | None:
        """The first message on ``topic``, or None."""

        def read() -> bytes | None:
            return next((data for _, _, data in self._messages((topic,))), None)

        data = self._run(read)
        return None if data is None else self.decode(topic, data)

    def at(self, topic: str, logged: Logged) -> bytes:
        """The serialized message that ``logged`` describes.

        Raises:
            RecordingError: if it cannot be read.
        """

        def read() -> bytes | None:
            for _, _, data in self._messages((topic,), logged.log_ns, logged.log_ns + 1):
                if header_of(data) == (logged.stamp_ns, logged.frame_id):
                    return data
            return None

        data = self._run(read)
        if data is None:
            raise RecordingError(f"{self.path}: the message on {topic} is gone.")
        return data

    def scan(self, topics: Iterable[str], take: Callable[[str, int, bytes], None]) -> str:
        """Hand every message on ``topics`` to ``take(topic, log_ns, data)``, in order of time.

        Returns why the bag ended early, or "" if it is whole.
        """

        def read() -> str:
            try:
                for topic, log_ns, data in self._messages(tuple(topics)):
                    take(topic, log_ns, data)
            except RecordingFormatError as error:
                return str(error)
            return ""

        return self._run(read)

    def decode(self, topic: str, data: bytes) -> Any:
        """The message object of serialized ``data``.

        Raises:
            RecordingFormatError: if the data does not fit the topic's type.
        """
        try:
            return self._store.deserialize_cdr(data, self.types[topic])
        except Exception as error:  # the decoder raises whatever unpacking meets
            raise RecordingFormatError(
                f"{self.path}: a message on {topic} is no {self.types[topic]}: {error}."
            ) from error

    def _open(self) -> Any:
        from rosbags.rosbag2 import Reader

        path = self.path
        if path.is_dir() and not (path / "metadata.yaml").is_file():
            path = _only_storage(path) or path
        try:
            reader = Reader(path)
            reader.open()
        except Exception as error:  # of the library, of YAML, of SQLite, of the system
            raise RecordingFormatError(
                f"{self.path} cannot be read as a ROS 2 bag: {error} If the recorder was killed, "
                "mend it with `mcap recover` or `ros2 bag reindex`."
            ) from error
        return reader

    def _messages(
        self, topics: tuple[str, ...], start: int | None = None, stop: int | None = None
    ) -> Iterator[tuple[str, int, bytes]]:
        connections = [item for item in self._reader.connections if item.topic in topics]
        if not connections:
            return
        try:
            for connection, log_ns, data in self._reader.messages(connections, start, stop):
                yield connection.topic, log_ns, bytes(data)
        except Exception as error:
            raise RecordingFormatError(f"{self.path} is damaged: {error}") from error

    def _run(self, function: Callable[[], Result]) -> Result:
        return self._thread.submit(function).result()


def header_of(data: bytes) -> tuple[int, str]:
    """Stamp (ns) and frame of a serialized message that begins with a std_msgs/Header.

    CDR: 4 bytes that name the encoding, then seconds, nanoseconds, length and text.
    """
    order = "<" if data[1] & 1 else ">"
    seconds, nanoseconds, length = struct.unpack_from(f"{order}iII", data, 4)
    text = data[16 : 16 + max(0, length - 1)].decode("utf-8", errors="replace")
    return seconds * 1_000_000_000 + nanoseconds, text
