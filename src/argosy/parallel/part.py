"""The part of a model that one rank has, under the names that its parameters have in the whole."""

from collections.abc import Sequence as Several
from itertools import islice
from typing import Any, TypeGuard

from torch import Tensor, nn

from argosy.models import Transformer, attention_mask, rotary_angles, through
from argosy.parallel.context import Sequence


class TransformerPart(nn.Module):
    """Some blocks of a transformer; the first part begins with the embedding, the last ends with the norm and head."""

    def __init__(self, model: Transformer, blocks: range, sequence: Sequence) -> None:
        super().__init__()
        self.config, self.recompute, self.sequence = model.config, model.recompute, sequence
        self.first, self.last = blocks.start == 0, blocks.stop == len(model.blocks)
        self.embedding = model.embedding if self.first else None
        self.blocks = nn.ModuleDict({str(number): model.blocks[number] for number in blocks})
        self.norm = model.norm if self.last else None
        self.head = model.head if self.last else None

    def hidden(self, tokens: Tensor, document_ids: Tensor | None = None, states: Tensor | None = None) -> Tensor:
        """States of this rank's part of the sequences `tokens` [B, T], from those of the part before unless first."""
        positions = self.sequence.positions(tokens.shape[1], tokens.device)
        cos, sin = rotary_angles(self.config, positions)
        mask = attention_mask(0, tokens, document_ids)
        if self.sequence.ranks > 1:
            self.sequence.prepare(tokens.shape[1])
            mask = None if mask is None else mask[:, :, positions]
        if self.embedding is not None:
            states = self.embedding(self.sequence.own(tokens))
        assert states is not None
        states = through(self.blocks.values(), states, cos, sin, mask, recompute=self.recompute)
        return states if self.norm is None else self.norm(states)


class SequentialPart(nn.Sequential):
    """Some layers of an `nn.Sequential`."""

    def __init__(self, model: nn.Sequential, layers: range) -> None:
        super().__init__()
        for name, layer in islice(model._modules.items(), layers.start, layers.stop):
            self.add_module(name, layer)


def is_sequential(model: nn.Module) -> "TypeGuard[nn.Sequential]":
    """Whether a model is its layers one after another, and no `forward` of its own says otherwise."""
    return isinstance(model, nn.Sequential) and type(model).forward is nn.Sequential.forward


def parts(model: nn.Module, ranges: Several[range], sequence: Sequence) -> list[Any]:
    """The parts of a model that hold these ranges of its blocks or layers."""
    if isinstance(model, Transformer):
        return [TransformerPart(model, blocks, sequence) for blocks in ranges]
    if is_sequential(model):
        return [SequentialPart(model, layers) for layers in ranges]
    return [model]
