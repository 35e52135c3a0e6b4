"""Context parallelism: ranks share each sequence.

Each rank has two chunks of the sequence, one from its front and one from its back, so that all attend to equally many
keys; for attention it gathers the keys and values of the others (Dubey et al. 2024, Llama 3, arXiv:2407.21783,
section 3.3.2). The same code runs on processors and accelerators.
"""

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention.bias import causal_lower_right

from argosy.models import CausalAttention, share_heads
from argosy.parallel.collectives import gather


class Sequence:
    """How a sequence is divided over a group; of one rank, not at all."""

    def __init__(self, group: dist.ProcessGroup | None = None) -> None:
        self.group = group
        self.rank = 0 if group is None else dist.get_rank(group)
        self.ranks = 1 if group is None else dist.get_world_size(group)
        self.prepared = 0

    def positions(self, length: int, device: torch.device) -> Tensor:
        """Places of this rank's tokens [T / ranks] in a sequence of `length`."""
        if self.ranks == 1:
            return torch.arange(length, device=device)
        size = length // (2 * self.ranks)
        chunks = torch.arange(length, device=device).view(2 * self.ranks, size)
        return torch.cat((chunks[self.rank], chunks[2 * self.ranks - 1 - self.rank]))

    def prepare(self, length: int) -> None:
        """Work out up to where this rank's two chunks see a sequence of `length`, which the compiler cannot."""
        if length == self.prepared:
            return
        size = length // (2 * self.ranks)
        self.ends = ((self.rank + 1) * size, (2 * self.ranks - self.rank) * size)
        self.biases = tuple(causal_lower_right(size, end) for end in self.ends)
        self.prepared = length

    def own(self, x: Tensor) -> Tensor:
        """This rank's part of tokens or targets [B, T]."""
        return x if self.ranks == 1 else x[:, self.positions(x.shape[1], x.device)]

    def gather(self, x: Tensor) -> Tensor:
        """Put together what the ranks have, in the order of the sequence: [B, K, t, E] to [B, K, T, E]."""
        assert self.group is not None
        whole = gather(x, 2, self.group)
        both = whole.view(*whole.shape[:2], self.ranks, 2, -1, whole.shape[3])
        front, back = both.unbind(3)
        return torch.cat((front, back.flip(2)), dim=2).flatten(2, 3)


class ContextAttention(CausalAttention):
    """Attention of this rank's queries over the keys of the whole sequence up to their places."""

    sequence: Sequence

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        """As `CausalAttention`'s, for [B, H, t, E] and a mask [B, 1, t, T], once the sequence is prepared."""
        key, value = share_heads(query, self.sequence.gather(key), self.sequence.gather(value))
        if mask is not None:
            return functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        outputs = []
        for queries, end, bias in zip(query.chunk(2, dim=2), self.sequence.ends, self.sequence.biases, strict=True):
            outputs.append(
                functional.scaled_dot_product_attention(queries, key[:, :, :end], value[:, :, :end], attn_mask=bias)
            )
        return torch.cat(outputs, dim=2)


def context_parallel(blocks: nn.Module, sequence: Sequence) -> None:
    """Let the attention inside `blocks` gather keys and values."""
    for module in blocks.modules():
        if isinstance(module, CausalAttention):
            module.__class__ = ContextAttention
            module.sequence = sequence  # type: ignore[assignment]
