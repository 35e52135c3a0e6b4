"""The states of torch's, NumPy's and Python's random generators as tensors, named by rank."""

import random
from typing import Any

import numpy as np
import torch
from torch import Tensor


def seed_everything(seed: int) -> None:
    """Seed all three."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)


def random_state(rank: int) -> dict[str, Tensor]:
    """The generators' states; `set_random_state` puts them back."""
    numpy_state: Any = np.random.get_state()
    states = {
        "torch": torch.get_rng_state(),
        "numpy": torch.from_numpy(np.append(numpy_state[1], numpy_state[2]).astype(np.int64)),
        "python": torch.tensor(random.getstate()[1]),
    }
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return {f"random.{kind}.{rank}": state for kind, state in states.items()}


def set_random_state(states: dict[str, Tensor], rank: int) -> None:
    """Restore what `random_state(rank)` gave; a rank the states do not know keeps what it has."""
    if (state := states.get(f"random.torch.{rank}")) is not None:
        torch.set_rng_state(state)
    if (state := states.get(f"random.numpy.{rank}")) is not None:
        words = state.numpy()
        np.random.set_state(("MT19937", words[:-1].astype(np.uint32), int(words[-1]), 0, 0.0))
    if (state := states.get(f"random.python.{rank}")) is not None:
        random.setstate((3, tuple(state.tolist()), None))
    if (state := states.get(f"random.cuda.{rank}")) is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(state)
