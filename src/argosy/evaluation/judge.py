"""The evaluation of a run: held-out loss, baselines beside it, samples."""

import time

import torch

from argosy.config import Precision, Venture
from argosy.data import TokenStore
from argosy.evaluation.baselines import measure_baselines
from argosy.evaluation.results import Evaluation, Sample
from argosy.evaluation.text import stream_text
from argosy.models import Transformer, load_model
from argosy.training import Checkpoint, held_out_loss

TEMPERATURE, TOP_P = 0.8, 0.95


def evaluate(venture: Venture, store: TokenStore, checkpoint: Checkpoint) -> Evaluation:
    """Judge a checkpoint by text it was not trained on.

    The loss is computed in float32 whatever the training's precision, so that figures of two runs compare.
    """
    begun = time.perf_counter()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = load_model(checkpoint.folder / "model", device).eval()
    precision: Precision = "float32"
    held_out = held_out_loss(
        model,
        store,
        checkpoint.recipe.sequence_length,
        max_tokens=venture.evaluation.held_out_tokens,
        precision=precision,
        document_mask=venture.data.document_mask,
    )
    return Evaluation(
        held_out=held_out,
        baselines=measure_baselines(store) if venture.evaluation.baselines else (),
        samples=tuple(_sample(model, store, venture, prompt) for prompt in venture.evaluation.prompts),
        step=checkpoint.step,
        wall_s=time.perf_counter() - begun,
    )


def _sample(model: Transformer, store: TokenStore, venture: Venture, prompt: str) -> Sample:
    begun = time.perf_counter()
    sampling = {"temperature": TEMPERATURE, "top_p": TOP_P, "seed": venture.training.seed}
    tokens = venture.evaluation.sample_tokens
    text = "".join(stream_text(model, store.tokenizer, prompt, max_tokens=tokens, **sampling))
    count = len(store.tokenizer.encode(text))
    return Sample(prompt=prompt, text=text, tokens_per_s=count / (time.perf_counter() - begun))
