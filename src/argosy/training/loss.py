"""The one loss pass: cross-entropy of a linear head that never holds all logits in float32."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from argosy.parallel import all_reduce, first_row, is_placed

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor

IGNORED = -100
CHUNK_ELEMENTS = 1 << 21  # 8 MiB of float32 logits stay in cache: 1.4 × faster than all at once for 4,096 tokens
CHUNK_ROWS = 256  # at least: thinner products are slow for large vocabularies
GPU_CHUNK_ELEMENTS = 1 << 27  # 256 MiB of bfloat16 logits: products large enough for an accelerator


class _LinearCrossEntropy(torch.autograd.Function):
    """Sum of -log softmax(hidden @ weightᵀ)[target], chunk by chunk, with its gradients taken in the same pass.

    The gradient of the sum with respect to the logits is softmax - onehot(target); taking it at once means that no
    chunk of logits is kept or computed again (Hsu et al. 2024, Liger Kernel, arXiv:2410.10989, section 3.2).
    """

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        hidden: Tensor,
        weight: Tensor,
        targets: Tensor,
        dtype: torch.dtype,
        compiled: bool,
        vocabulary: "_Vocabulary | None",
    ) -> Tensor:
        with torch.autocast(hidden.device.type, enabled=False):
            wanted = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]  # type: ignore[attr-defined]
            weight_cast = weight.to(dtype)
            total = hidden.new_zeros((), dtype=torch.float32)
            hidden_gradient = torch.empty_like(hidden) if wanted else None
            weight_gradient = torch.zeros_like(weight) if wanted else None
            elements = CHUNK_ELEMENTS if hidden.device.type == "cpu" else GPU_CHUNK_ELEMENTS
            size = max(CHUNK_ROWS, elements // (vocabulary.most if vocabulary else weight.shape[0]))
            loss_and_slope = _compiled_loss_and_slope() if compiled and wanted else _loss_and_slope
            if vocabulary is not None:
                loss_and_slope = vocabulary.loss_and_slope
            for start in range(0, hidden.shape[0], size):
                part, target = hidden[start : start + size].to(dtype), targets[start : start + size]
                counted = (target != IGNORED).unsqueeze(1)
                index = target.clamp(min=0).unsqueeze(1)
                loss, slope = loss_and_slope(part @ weight_cast.T, index, counted)
                total += loss
                if hidden_gradient is not None and weight_gradient is not None:
                    hidden_gradient[start : start + size] = (slope @ weight_cast) * counted
                    part = part * counted
                    if dtype == weight_gradient.dtype:
                        weight_gradient.addmm_(slope.T, part)
                    else:
                        weight_gradient += slope.T @ part
            if hidden_gradient is not None and weight_gradient is not None:
                ctx.save_for_backward(hidden_gradient, weight_gradient)
            return total

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, upstream: Tensor) -> tuple[Tensor | None, ...]:
        hidden_gradient, weight_gradient = ctx.saved_tensors  # type: ignore[attr-defined]
        return hidden_gradient * upstream.to(hidden_gradient.dtype), weight_gradient * upstream, None, None, None, None


class _Vocabulary:
    """Which tokens of a head this rank has, when several share it (Shoeybi et al. 2019, section 3).

    Logits stay where they are: ranks exchange three numbers for each token, its largest logit, the sum of exponentials
    and the logit of the target.
    """

    def __init__(self, weight: "DTensor") -> None:
        self.group, self.first = weight.device_mesh.get_group(), first_row(weight)
        self.most = -(-weight.shape[0] // weight.device_mesh.size())

    def loss_and_slope(self, logits: Tensor, index: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
        """As `_loss_and_slope`, for this rank's logits [N, v]; the loss is that over the whole vocabulary."""
        logits_wide = logits.float()
        largest = all_reduce(logits_wide.amax(1), self.group, "max")
        exponentials = (logits_wide - largest[:, None]).exp_()
        own = index - self.first
        here = (own >= 0) & (own < logits.shape[1])
        own = own.clamp(0, logits.shape[1] - 1)
        target = (logits_wide.gather(1, own) * here).squeeze(1)
        both = all_reduce(torch.stack([exponentials.sum(1), target]), self.group)
        total, target = both.unbind()
        loss = ((total.log() + largest - target) * counted.squeeze(1)).sum()
        slope = exponentials.div_(total[:, None])
        slope.scatter_add_(1, own, -here.to(slope.dtype))
        return loss, slope.to(logits.dtype)


def _loss_and_slope(logits: Tensor, index: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
    """Summed loss of the rows that are counted, and softmax - onehot(index) of all, for logits [N, V]."""
    logarithms = logits.log_softmax(1, dtype=torch.float32)
    loss = -(logarithms.gather(1, index) * counted).sum()
    slope = logarithms.exp_()
    slope.scatter_add_(1, index, slope.new_full((1, 1), -1.0).expand_as(index))
    return loss, slope.to(logits.dtype)


@cache
def _compiled_loss_and_slope() -> Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The same in two passes over the logits: written so that the compiler fuses everything."""

    def loss_and_slope(logits: Tensor, index: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
        wide = logits.float()
        log_sum = wide.logsumexp(1, keepdim=True)
        loss = ((log_sum - wide.gather(1, index)) * counted).sum()
        hot = torch.arange(logits.shape[1], device=logits.device) == index
        return loss, ((wide - log_sum).exp() - hot.float()).to(logits.dtype)

    return torch.compile(loss_and_slope)


def summed_loss(
    hidden: Tensor, weight: Tensor, targets: Tensor, dtype: torch.dtype | None = None, *, compiled: bool = False
) -> Tensor:
    """Return the summed negative log-likelihood, in nats, of the targets that are not `IGNORED`.

    Args:
        hidden: [..., D] states after the final norm.
        weight: [V, D] of the output head; with a DTensor of it, `hidden` gets this rank's part of its gradient.
        targets: [...] token ids, or -100 where nothing is predicted.
        dtype: type of the matrix products; that of `hidden` unless given.
        compiled: whether what lies between the products is compiled; it is where gradients are taken.
    """
    vocabulary = None
    if is_placed(weight):
        vocabulary, weight = _Vocabulary(weight), weight.to_local()
    rows = (hidden.flatten(0, -2), weight, targets.flatten(), dtype or hidden.dtype, compiled, vocabulary)
    return cast(Tensor, _LinearCrossEntropy.apply(*rows))  # type: ignore[no-untyped-call]
