"""Muon for the matrices of hidden layers, AdamW for everything else, as one optimiser.

Muon (K. Jordan and others, https://kellerjordan.github.io/posts/muon) takes the momentum of a
matrix with all its singular values made equal, so that rare directions are learnt as fast as
common ones. It is meant for the hidden matrices only: embeddings, convolutions, gains and the
output layer are AdamW's.
"""

from __future__ import annotations

from typing import Any

import torch

_OF_MUON = "muon"
"""Key of a parameter group that says whose it is."""


def suits_muon(name: str, parameter: torch.Tensor) -> bool:
    """Whether a parameter is a matrix between hidden layers."""
    return parameter.ndim == 2 and "embed" not in name and "lm_head" not in name


def muon_group(parameters: list[Any], rate: float, weight_decay: float) -> dict[str, Any]:
    """The group of matrices; ``rate`` as of AdamW, to whose usual size of steps it is scaled
    (arXiv 2502.16982): larger by far than one would give AdamW itself."""
    return {"params": parameters, "lr": rate, "weight_decay": weight_decay, _OF_MUON: True}


class MuonWithAdamW(torch.optim.Optimizer):
    """Groups made by :func:`muon_group` go to ``torch.optim.Muon``, others to AdamW.

    Groups and state are shared with the two and saved as of one optimiser, so that schedules and
    checkpoints know nothing of them.
    """

    def __init__(
        self, groups: list[dict[str, Any]], lr: float, betas: tuple[float, float], eps: float
    ) -> None:
        of_muon = [group for group in groups if group.get(_OF_MUON)]
        others = [{**group, _OF_MUON: False} for group in groups if not group.get(_OF_MUON)]
        self._muon = torch.optim.Muon(of_muon, lr=lr, adjust_lr_fn="match_rms_adamw")
        self._adamw = torch.optim.AdamW(others, lr=lr, betas=betas, eps=eps)
        super().__init__([*self._muon.param_groups, *self._adamw.param_groups], {"lr": lr})
        self._share()

    def step(self, closure: Any = None) -> Any:
        """One step of both."""
        if closure is not None:
            raise ValueError("MuonWithAdamW takes no closure.")
        self._muon.step()
        self._adamw.step()

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """A further group, of AdamW unless it says otherwise."""
        param_group.setdefault(_OF_MUON, False)
        inner = self._muon if param_group[_OF_MUON] else self._adamw
        for name, value in inner.defaults.items():
            param_group.setdefault(name, value)
        super().add_param_group(param_group)
        self._share()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` gave."""
        super().load_state_dict(state_dict)
        self._share()

    def _share(self) -> None:
        for inner, of_muon in ((self._muon, True), (self._adamw, False)):
            inner.param_groups = [g for g in self.param_groups if g[_OF_MUON] == of_muon]
            inner.state = self.state
