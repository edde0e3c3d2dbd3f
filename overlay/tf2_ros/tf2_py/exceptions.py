"""Why a transform cannot be given."""


class TransformException(Exception):
    """Base of all tf2 exceptions."""


class ConnectivityException(TransformException):
    """The two frames are in trees that nothing connects."""


class LookupException(TransformException):
    """A frame has never been heard of, or the frames form a loop."""


class ExtrapolationException(TransformException):
    """The requested time lies outside the data; tf2 never extrapolates."""


class InvalidArgumentException(TransformException):
    """A frame name is empty or begins with a slash."""


class TimeoutException(TransformException):
    """No answer in the time allowed."""
