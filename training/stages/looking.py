"""Saying a box where the model points: attention that is told where to look.

A layer in the middle can point at what is asked for (:mod:`.auxiliary`) while the layers above it,
which say the box, look elsewhere: softmax attention to the one right token in hundreds gets next to
no gradient as long as it gets next to no weight. So the first head of the layer after the pointing
one is taught where to look while a coordinate is said:

    loss = -mean_i log sum_j a_ij

with a_ij its attention from token i, from which a coordinate is said, to the image tokens j on what
is asked for. Rows that show nothing of it do not count. The other heads are left alone.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from scene_r1_ros.errors import ConfigError

from .settings import AuxConfig
from .token_targets import TokenTargets

_LEAST = 1e-6
"""Added to the share, so that none at all is a number too."""


def looking_layer(model: Any, layers: Any, pointing: int, config: AuxConfig) -> Any:
    """The attention of the layer that follows the ``pointing`` one (from 1) in ``layers``.

    Raises:
        ConfigError: if ``aux.looking`` has nothing to work on.
    """
    attention = model.config.get_text_config()._attn_implementation
    why = ""
    if not config.soft_boxes:
        why = "needs aux.soft_boxes above 0, which finds the coordinates"
    elif attention != "eager":
        why = f"needs model.attention=eager; with {attention} the weights are not told"
    elif pointing >= len(layers):
        why = f"needs a layer after the one that points, which is the last of {len(layers)}"
    if why:
        raise ConfigError(f"aux.looking = {config.looking:g} {why}.")
    return layers[pointing].self_attn


def looking_loss(attention: Tensor, images: Tensor, targets: TokenTargets, at: Tensor) -> Tensor:
    """The loss above, of ``attention`` (B, heads, T, T).

    ``images`` (B, T) are the image tokens, in the order of ``targets``; ``at`` (B, T) the
    coordinates, each of them said from the token before it.
    """
    on = torch.zeros(images.shape, device=images.device)
    on[images] = (targets.asked.to(images.device) > 0).float()
    rows, places = torch.nonzero(at[:, 1:], as_tuple=True)
    shown = on[rows].any(dim=1)
    if not bool(shown.any()):
        return attention.sum() * 0.0
    rows, places = rows[shown], places[shown]
    share = (attention[rows, 0, places].float() * on[rows]).sum(dim=1)
    return -(share + _LEAST).log().mean()
