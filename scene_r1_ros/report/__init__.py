"""A result for people: one HTML page, the cloud as PLY, and a folder that viewers read back.

``write_report(out, window, result)`` writes all of it; commands and the demonstration share it.
"""

from .result_folder import ResultFrame, SavedResult, load_result
from .truth import Truth
from .write import ReportFiles, write_report

__all__ = [
    "ReportFiles",
    "ResultFrame",
    "SavedResult",
    "Truth",
    "load_result",
    "write_report",
]
