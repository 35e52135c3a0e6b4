"""A transformer of so many parameters, ready to train."""

from argosy.config import TransformerConfig, shape_for_size
from argosy.models.transformer import Transformer


def language_model(size: str, vocabulary_size: int, *, sequence_length: int = 512, seed: int = 0) -> Transformer:
    """A `Transformer` of about `size` parameters, such as `"3M"`, with weights drawn from `seed`.

    Raises `UserError` for a size that is none, or too small for the vocabulary.
    """
    shape = shape_for_size(size, vocabulary_size, tied_embeddings=False)
    model = Transformer(
        TransformerConfig.model_validate(
            {**shape, "vocabulary_size": vocabulary_size, "sequence_length": sequence_length}
        )
    )
    model.initialise(seed)
    return model
