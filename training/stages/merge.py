"""An adapter put into its checkpoint: a full one that needs no PEFT to load."""

from __future__ import annotations

import shutil
from pathlib import Path

from scene_r1_ros.reasoning.backends.checkpoint import TransformersConfig, load_checkpoint
from scene_r1_ros.reasoning.prompt_settings import TRAINING_FILE, training_file
from scene_r1_ros.recordings.atomic import written_atomically

from ..examples.errors import TrainingError


def merge_adapter(checkpoint: str, adapter: str, out: Path, dtype: str = "auto") -> Path:
    """Write the merged checkpoint with its processor to ``out``.

    Raises:
        ModelAbsentError: if one of both cannot be loaded or they do not fit.
        RecordingError: if ``out`` holds something already.
        TrainingError: if it cannot be written.
    """
    loaded = load_checkpoint(
        TransformersConfig(model=checkpoint, adapter=adapter, dtype=dtype, device_map="none"),
        lambda fraction, text: None,
    )
    merged = loaded.model.merge_and_unload(safe_merge=True)
    with written_atomically(out) as partial:
        try:
            partial.mkdir()
            merged.save_pretrained(partial)
            loaded.processor.save_pretrained(partial)
            trained = training_file(TransformersConfig(model=checkpoint, adapter=adapter))
            if trained is not None:  # the reasoner asks as it was taught
                shutil.copyfile(trained, partial / TRAINING_FILE)
        except Exception as error:
            raise TrainingError(
                f"the merged model cannot be written to {out}: {error}. Checkpoint and adapter "
                "are as they were."
            ) from error
    return out
