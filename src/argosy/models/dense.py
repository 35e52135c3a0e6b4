"""The multi-layer perceptron (Rosenblatt 1958; Rumelhart et al. 1986)."""

from itertools import pairwise

from torch import nn


class Perceptron(nn.Sequential):
    """Linear layers of the given widths with ReLU between them; inputs [B, …] are flattened, outputs are [B, last]."""

    def __init__(self, *widths: int) -> None:
        if len(widths) < 2 or min(widths) < 1:
            raise ValueError(f"a perceptron needs at least two positive widths, not {widths}")
        layers: list[nn.Module] = [nn.Flatten()]
        for narrow, wide in pairwise(widths):
            layers += [nn.Linear(narrow, wide), nn.ReLU()]
        super().__init__(*layers[:-1])
        self.widths = widths


def perceptron(*widths: int) -> Perceptron:
    """A perceptron: `perceptron(784, 128, 10)` has one hidden layer of 128.

    Weights are Glorot-uniform and biases zero, as in Keras's `Dense` (Glorot & Bengio 2010).
    """
    model = Perceptron(*widths)
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    return model
