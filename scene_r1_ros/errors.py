"""The one exception hierarchy; every class carries the code that ROS results report.

Codes are grouped in ranges, one per stage, so that a planner can tell where a request failed
without reading the message: 1-99 the request, 100-199 the window, 200-299 recordings,
300-399 reasoning, 400-499 tracking, 500-599 lifting, 600-699 memory. 0 is success.
The interface package repeats these numbers as message constants; a test holds them together.
"""

from __future__ import annotations

from typing import ClassVar

OK = 0


class SceneR1Error(Exception):
    """Base of every error that this project raises on purpose; its text is for the user."""

    code: ClassVar[int] = 99
    name: ClassVar[str] = "INTERNAL"


# -- the request: 1-99


class RequestError(SceneR1Error):
    """The request cannot be served as it was made."""

    code = 1
    name = "INVALID_REQUEST"


class BusyError(SceneR1Error):
    """The worker and its queue are full; ask again later."""

    code = 2
    name = "BUSY"


class DeadlineError(SceneR1Error):
    """The deadline passed before the work was done."""

    code = 3
    name = "TIMEOUT"


class CancelledError(SceneR1Error):
    """The caller took the request back."""

    code = 4
    name = "CANCELLED"


class NotActiveError(SceneR1Error):
    """The node or a stage behind it is not active."""

    code = 5
    name = "NOT_ACTIVE"


class ConfigError(SceneR1Error):
    """A parameter, flag or file of settings is wrong."""

    code = 6
    name = "INVALID_CONFIG"


# -- the window: 100-199


class WindowError(SceneR1Error):
    """The window cannot serve the request."""

    code = 100
    name = "WINDOW"


class WindowEmptyError(WindowError):
    """No frame has arrived yet."""

    code = 101
    name = "WINDOW_EMPTY"


class NoSuchFrameError(WindowError):
    """No frame has the requested stamp."""

    code = 102
    name = "NO_SUCH_FRAME"


class WindowTooShortError(WindowError):
    """The window does not reach the times asked for."""

    code = 103
    name = "WINDOW_TOO_SHORT"


class FrameError(WindowError):
    """A frame, its intrinsics or its pose is malformed."""

    code = 104
    name = "BAD_FRAME"


# -- recordings: 200-299


class RecordingError(SceneR1Error):
    """A recording cannot be read or written."""

    code = 200
    name = "RECORDING"


class RecordingFormatError(RecordingError):
    """A file of a recording is missing or malformed."""

    code = 201
    name = "RECORDING_FORMAT"


# -- reasoning: 300-399


class ReasoningError(SceneR1Error):
    """The reasoner failed."""

    code = 300
    name = "REASONING"


class NotFoundError(ReasoningError):
    """The reasoner looked and says the object is not there."""

    code = 301
    name = "NOT_FOUND"


class AmbiguousError(ReasoningError):
    """Several objects fit the query equally well."""

    code = 302
    name = "AMBIGUOUS"


class ModelLoadingError(ReasoningError):
    """The model is still being loaded."""

    code = 303
    name = "MODEL_LOADING"


class ModelAbsentError(ReasoningError):
    """No model is configured, or it cannot be loaded or reached."""

    code = 304
    name = "MODEL_ABSENT"


class UnparsableAnswerError(ReasoningError):
    """The model's answer could not be read, twice."""

    code = 305
    name = "UNPARSABLE_ANSWER"


class BackendError(ReasoningError):
    """The model or its server failed while answering."""

    code = 306
    name = "BACKEND"


# -- tracking: 400-499


class TrackingError(SceneR1Error):
    """The tracker failed."""

    code = 400
    name = "TRACKING"


class BoxError(TrackingError):
    """The box is empty, outside the image or not finite."""

    code = 401
    name = "INVALID_BOX"


class NoDepthError(TrackingError):
    """The box holds too few depth readings."""

    code = 402
    name = "NO_DEPTH"


class EmptyMaskError(TrackingError):
    """No object stands out inside the box."""

    code = 403
    name = "EMPTY_MASK"


class CheckpointError(TrackingError):
    """The tracker's checkpoint is missing, damaged or does not fit."""

    code = 404
    name = "TRACKER_CHECKPOINT"


# -- lifting: 500-599


class LiftingError(SceneR1Error):
    """The masks could not be lifted to 3D."""

    code = 500
    name = "LIFTING"


class TooFewPointsError(LiftingError):
    """Too few 3D points are left for a box."""

    code = 501
    name = "TOO_FEW_POINTS"


# -- memory: 600-699


class ObjectMemoryError(SceneR1Error):
    """The object memory cannot serve the request."""

    code = 600
    name = "MEMORY"


class UnknownObjectError(ObjectMemoryError):
    """No object has this id."""

    code = 601
    name = "UNKNOWN_OBJECT"


class MemoryFileError(ObjectMemoryError):
    """The file of saved objects cannot be read or written."""

    code = 602
    name = "MEMORY_FILE"


def error_codes() -> dict[str, int]:
    """Every code by its constant's name, e.g. ``{"OK": 0, "BUSY": 2, ...}``."""
    codes = {"OK": OK}
    pending: list[type[SceneR1Error]] = [SceneR1Error]
    while pending:
        error = pending.pop()
        codes[error.name] = error.code
        pending.extend(error.__subclasses__())
    return codes


def error_from_code(code: int, message: str) -> SceneR1Error:
    """The error that another process reported by its code; unknown codes give the base class."""
    pending: list[type[SceneR1Error]] = [SceneR1Error]
    while pending:
        error = pending.pop()
        if error.code == code:
            return error(message)
        pending.extend(error.__subclasses__())
    return SceneR1Error(f"{message} (code {code})")
