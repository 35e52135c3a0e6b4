"""The loss on text kept out of training: during training, at the end, on any number of ranks, the same figure."""

import math
from collections.abc import Callable
from itertools import chain, islice, repeat

import numpy as np
import torch
from torch import Tensor, nn

from argosy.config import Layout, Precision, UserError
from argosy.data import TokenStore
from argosy.parallel import Engine, Mesh, World
from argosy.training.loss import IGNORED
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
    objective = LossModule(model, DTYPES[precision], store.index.separator_id if document_mask else None)
    mesh = Mesh(Layout(data=world.size), world)
    was_training = model.training
    model.eval()
    with torch.no_grad():
        found = _measured(lambda *rows: objective(*rows)[0], mesh, store, sequence_length, max_tokens)
    model.train(was_training)
    return found


def held_out_loss_of(
    engine: Engine, store: TokenStore, sequence_length: int, *, max_tokens: int | None, precision: Precision
) -> HeldOut:
    """The same of a model on any layout; every rank calls this."""
    usual = [objective.dtype for objective in engine.objectives]
    for objective in engine.objectives:
        objective.dtype = DTYPES[precision]
    found = _measured(lambda *rows: engine.forward(*rows)[0], engine.mesh, store, sequence_length, max_tokens)
    for objective, dtype in zip(engine.objectives, usual, strict=True):
        objective.dtype = dtype
    return found


def _measured(
    nats_of: Callable[[Tensor, Tensor], Tensor],
    mesh: Mesh,
    store: TokenStore,
    sequence_length: int,
    max_tokens: int | None,
) -> HeldOut:
    """From each replica's windows; those that share one add up their `nats_of` it, and one of them counts it."""
    windows = -(-store.index.held_out_tokens // sequence_length)
    stride = max(1, -(-windows * sequence_length // max_tokens)) if max_tokens else 1
    rows = islice(store.held_out(sequence_length), mesh.replica * stride, None, mesh.replicas * stride)
    counts = all(place == 0 for name, place in mesh.places.items() if name not in ("data", "shard"))
    sums = torch.zeros(3, dtype=torch.float64)
    each = math.ceil(math.ceil(windows / stride) / mesh.replicas)  # as many for each, lest one waits for the others
    nothing = np.zeros(sequence_length, dtype=np.int64), np.full(sequence_length, IGNORED)
    filled = islice(chain(rows, repeat(nothing)), each)
    while some := list(islice(filled, ROWS)):
        inputs, targets = (np.stack(part) for part in zip(*some, strict=True))
        nats = float(nats_of(*(torch.from_numpy(array).to(mesh.world.device) for array in (inputs, targets))))
        counted = targets[targets >= 0] if counts else targets[:0]
        sums += torch.tensor([nats, counted.size, store.token_bytes[counted].sum()], dtype=torch.float64)
    nats_total, tokens, text_bytes = mesh.world.sum(sums).tolist()
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
