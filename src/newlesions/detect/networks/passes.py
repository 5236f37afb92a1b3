"""Monte-Carlo dropout: a network applied several times with its dropout on (Gal & Ghahramani 2016)."""

from __future__ import annotations

import torch

from newlesions.networks.final import logits_of


class Passes(torch.nn.Module):
    """The mean probability of ``count`` passes, in the form in which the network itself gives it.

    Each pass draws from a seed of its own, the same for every window and every run; windows that are computed side by
    side draw differently.
    """

    def __init__(self, network: torch.nn.Module, count: int, probabilities: bool) -> None:
        super().__init__()
        self.network, self.count, self.probabilities = network, count, probabilities

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """As the network."""
        dropouts = [part for part in self.network.modules() if isinstance(part, torch.nn.Dropout)]
        total = torch.zeros((), device=images.device)
        cards = [images.device] if images.device.type == "cuda" else []
        with torch.random.fork_rng(cards):
            for number in range(self.count):
                torch.manual_seed(number)
                for part in dropouts:
                    part.train()
                outputs = self.network(images).float()
                total = total + (outputs if self.probabilities else torch.sigmoid(outputs))
        for part in dropouts:
            part.eval()
        mean = total / self.count
        return mean if self.probabilities else logits_of(mean)
