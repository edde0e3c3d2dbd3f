"""A progress bar for the stages of one request; silent when nobody watches."""

from __future__ import annotations

import sys
from typing import Any

from ..closing import Closing
from ..control import Control


class ProgressBar(Closing):
    """``control`` is handed to the pipeline; each stage gets a bar of its own on a terminal."""

    def __init__(self) -> None:
        self.control = Control(on_progress=self._show if sys.stderr.isatty() else None)
        self._stage = ""
        self._bar: Any = None

    def _show(self, stage: str, fraction: float, text: str) -> None:
        from tqdm import tqdm

        if stage != self._stage:
            self.close()
            self._stage = stage
            form = "{desc:<10} {bar} {percentage:3.0f}% {elapsed}{postfix}"
            self._bar = tqdm(total=1.0, desc=stage, bar_format=form, leave=False)
        self._bar.update(max(0.0, fraction - self._bar.n))
        if text:
            self._bar.set_postfix_str(text[-60:].replace("\n", " "))

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
