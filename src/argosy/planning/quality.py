"""How good a model gets: loss from parameters and tokens, the optimum for a budget, what repeating text is worth.

Losses compare within one tokeniser and one kind of text only: the constants say whose they are, and so does every
result. `argosy fit-scaling` will refit them to one's own runs.
"""

import math

import numpy as np
import numpy.typing as npt
from pydantic import Field

from argosy.config import Record, UserError

Array = npt.NDArray[np.float64]
FLOPS_PER_PARAMETER_AND_TOKEN = 6.0  # Kaplan et al. 2020, section 2.1


class ScalingLaw(Record):
    """L(N, D) = E + A/N^α + B/D^β, in nats a token (Hoffmann et al. 2022, equation 2)."""

    name: str
    """Whose fit."""
    text: str
    """On which text, with which tokeniser."""
    irreducible: float
    """E, what no model can do better."""
    parameter_factor: float
    """A."""
    token_factor: float
    """B."""
    parameter_exponent: float
    """α."""
    token_exponent: float
    """β."""
    irreducible_error: float
    """Standard error of E."""
    parameter_exponent_error: float
    """Standard error of α, along which A moves so that the fitted losses stay."""
    token_exponent_error: float
    """Standard error of β, likewise with B."""

    def loss(self, parameters: float, tokens: float) -> float:
        """Of a model of so many parameters after so many tokens, each seen once."""
        size = self.parameter_factor / parameters**self.parameter_exponent
        text = self.token_factor / tokens**self.token_exponent
        return float(self.irreducible + size + text)


BESIROGLU = ScalingLaw(
    name="Besiroglu et al. 2024 (arXiv:2404.10102)",
    text="MassiveText, Chinchilla's tokeniser",
    irreducible=1.8172,
    parameter_factor=482.01,
    token_factor=2085.43,
    parameter_exponent=0.3478,
    token_exponent=0.3658,
    irreducible_error=0.03,
    parameter_exponent_error=0.02,
    token_exponent_error=0.02,
)
"""The default: Hoffmann's own points, fitted again with a loss that converges."""
HOFFMANN = ScalingLaw(
    name="Hoffmann et al. 2022 (arXiv:2203.15556), approach 3",
    text="MassiveText, Chinchilla's tokeniser",
    irreducible=1.6934,
    parameter_factor=406.4,
    token_factor=410.7,
    parameter_exponent=0.3392,
    token_exponent=0.2849,
    irreducible_error=0.0,
    parameter_exponent_error=0.0,
    token_exponent_error=0.0,
)
"""As it was published; its errors were not."""
# Muennighoff et al. 2023 (arXiv:2305.16264), equation 5 and appendix A: how soon repeated tokens, and parameters beyond
# what the unique ones can use, stop being worth anything.
REPEATED_TOKENS, EXCESS_PARAMETERS = 15.387756, 5.309743


class Loss(Record):
    """A predicted loss."""

    nats_per_token: float
    """The middle."""
    low: float
    """Of the interval of 90 %."""
    high: float
    """Of the interval of 90 %."""
    hoffmann: float
    """What the constants give that Hoffmann et al. published."""
    law: str
    """Whose constants the middle has."""
    text: str
    """What it may be compared with."""
    epochs: float
    """Passes over the unique tokens."""
    effective_tokens: float
    """Tokens seen once that would be worth as much."""


class Allocation(Record):
    """How many parameters, how many tokens."""

    parameters: float = Field(gt=0)
    """Of the model."""
    tokens: float = Field(gt=0)
    """Seen in training."""
    loss: float
    """In nats a token, by the law."""

    @property
    def flops(self) -> float:
        """6·N·D, of training."""
        return FLOPS_PER_PARAMETER_AND_TOKEN * self.parameters * self.tokens


def compute_optimal(flops: float, law: ScalingLaw = BESIROGLU) -> Allocation:
    """Parameters and tokens with the least loss for so many FLOPs of training (Hoffmann et al. 2022, equation 4)."""
    alpha, beta = law.parameter_exponent, law.token_exponent
    balance = (alpha * law.parameter_factor / (beta * law.token_factor)) ** (1 / (alpha + beta))
    product = flops / FLOPS_PER_PARAMETER_AND_TOKEN
    parameters = balance * product ** (beta / (alpha + beta))
    tokens = product / parameters
    return Allocation(parameters=parameters, tokens=tokens, loss=law.loss(parameters, tokens))


def inference_aware(loss: float, inference_tokens: float, law: ScalingLaw = BESIROGLU) -> Allocation:
    """The cheapest model of a loss, 6·N·D of training and 2·N for each token served counted (Sardana et al. 2024).

    Raises `UserError` for a loss that no model reaches.
    """
    smallest = (
        (law.parameter_factor / (loss - law.irreducible)) ** (1 / law.parameter_exponent)
        if (loss > law.irreducible)
        else math.inf
    )
    if not math.isfinite(smallest):
        raise UserError(
            "unreachable-loss",
            f"a loss of {loss:g} nats a token cannot be reached: {law.irreducible:g} is what remains ({law.name})",
        )

    def tokens_for(parameters: Array) -> Array:
        left = loss - law.irreducible - law.parameter_factor / parameters**law.parameter_exponent
        needed: Array = (law.token_factor / left) ** (1 / law.token_exponent)
        return needed

    def cost(scale: Array) -> Array:
        parameters = smallest * np.exp(scale)
        whole: Array = np.log(parameters) + np.log(6 * tokens_for(parameters) + 2 * inference_tokens)
        return whole

    low, high = 1e-6, 25.0  # logarithm of parameters over the least that can reach the loss; the cost is unimodal
    for _ in range(200):
        inner = np.array([low + (high - low) / 3, high - (high - low) / 3])
        one, two = cost(inner)
        low, high = (low, float(inner[1])) if one < two else (float(inner[0]), high)
    parameters = smallest * math.exp((low + high) / 2)
    tokens = float(tokens_for(np.array(parameters)))
    return Allocation(parameters=parameters, tokens=tokens, loss=law.loss(parameters, tokens))


def effective_tokens(tokens: float, unique_tokens: float) -> float:
    """Tokens seen once that would be worth as much as these, of which only `unique_tokens` differ.

    U + U·R*·(1 - e^(-R/R*)) for R = D/U - 1 repetitions (Muennighoff et al. 2023, equation 5).
    """
    if tokens <= unique_tokens:
        return tokens
    repeated = tokens / unique_tokens - 1
    return unique_tokens * (1 - REPEATED_TOKENS * math.expm1(-repeated / REPEATED_TOKENS))


def predict_loss(
    parameters: float, tokens: float, unique_tokens: float | None = None, law: ScalingLaw = BESIROGLU
) -> Loss:
    """Predict the loss of a model trained on so many tokens, of which so many differ.

    The interval of 90 % carries the standard errors of the fit, taken as independent along the directions in which its
    constants trade off, and widens with the distance from 1e9 parameters and 2e10 tokens, near which the fit was made.
    """
    unique = tokens if unique_tokens is None else min(unique_tokens, tokens)
    worth = effective_tokens(tokens, unique)
    middle = law.loss(parameters, worth)
    spread = 1.645 * math.sqrt(
        law.irreducible_error**2
        + (_slope(law.parameter_factor, law.parameter_exponent, parameters, 1e9) * law.parameter_exponent_error) ** 2
        + (_slope(law.token_factor, law.token_exponent, worth, 2e10) * law.token_exponent_error) ** 2
    )
    return Loss(
        nats_per_token=middle,
        low=middle - spread,
        high=middle + spread,
        hoffmann=HOFFMANN.loss(parameters, worth),
        law=law.name,
        text=law.text,
        epochs=tokens / unique,
        effective_tokens=worth,
    )


def _slope(factor: float, exponent: float, size: float, centre: float) -> float:
    """How the term factor/size^exponent moves with the exponent, the factor moving so that it stays at `centre`."""
    return float(factor / size**exponent) * math.log(size / centre)
