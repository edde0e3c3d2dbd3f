"""The stages of training on TRL: supervised cold start, then GRPO for each kind of answer."""

import os

# TRL reports each run to its makers unless told not to before it is imported.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
