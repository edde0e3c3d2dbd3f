"""The stages of training on TRL: supervised cold start, then GRPO for each kind of answer."""
