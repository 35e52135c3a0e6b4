"""The loss on text kept out of training: during training, at the end, on any number of ranks, the same figure."""

import math
from itertools import islice

import numpy as np
import torch
from torch import nn

from argosy.config import Precision, UserError
from argosy.data import TokenStore
from argosy.parallel import World
from argosy.training.precision import DTYPES
from argosy.training.results import HeldOut
from argosy.training.step import LossModule

ROWS = 8  # sequences in one forward pass; without gradients more is no faster


def held_out_loss(
    model: nn.Module,
    store: TokenStore,
    sequence_length: int,
    *,
    max_tokens: int | None = None,
    precision: Precision = "float32",
    document_mask: bool = False,
    world: World | None = None,
) -> HeldOut:
    """Predict every token of the held-out text once, in consecutive windows of `sequence_length`.

    With `max_tokens`, windows are taken at even distances over the whole text. Bits per byte counts the bytes that
    the predicted tokens stand for; document separators are not counted. Ranks share the windows, and sums are taken
    in float64.
    """
    world = world or World(0, 1, next(model.parameters()).device)
    module = LossModule(model, DTYPES[precision], store.index.separator_id if document_mask else None)
    sums = torch.zeros(3, dtype=torch.float64)
    windows = -(-store.index.held_out_tokens // sequence_length)
    stride = max(1, -(-windows * sequence_length // max_tokens)) if max_tokens else 1
    rows = islice(store.held_out(sequence_length), world.rank * stride, None, world.size * stride)
    was_training = model.training
    model.eval()
    with torch.no_grad():
        while some := list(islice(rows, ROWS)):
            inputs, targets = (np.stack(part) for part in zip(*some, strict=True))
            counted = targets[targets >= 0]
            nats, _ = module(_tensor(inputs, world), _tensor(targets, world))
            sums += torch.tensor([float(nats), counted.size, store.token_bytes[counted].sum()], dtype=torch.float64)
    model.train(was_training)
    nats_total, tokens, text_bytes = world.sum(sums).tolist()
    if tokens == 0:
        raise UserError("no-held-out", "the held-out text is empty", hint="raise data.held_out_fraction")
    loss = nats_total / tokens
    return HeldOut(
        loss=loss,
        perplexity=math.exp(min(loss, 700.0)),
        bits_per_byte=nats_total / math.log(2) / text_bytes,
        tokens=int(tokens),
        bytes=int(text_bytes),
    )


def _tensor(array: np.ndarray, world: World) -> torch.Tensor:
    return torch.from_numpy(array).to(world.device)
