"""What can be wrong with predictions and evaluations."""

from __future__ import annotations

from scene_r1_ros.errors import SceneR1Error


class EvaluationError(SceneR1Error):
    """Predictions, labels or results do not fit the benchmark."""
