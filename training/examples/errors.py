"""What can be wrong with the data, the model or the run of a training."""

from __future__ import annotations

from scene_r1_ros.errors import SceneR1Error


class TrainingError(SceneR1Error):
    """Training cannot start or go on; the last good checkpoint is as it was."""
