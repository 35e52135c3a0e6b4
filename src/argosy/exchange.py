"""Trained models leave for other programs, and come from them."""

import shutil
from pathlib import Path

from argosy import data as data_room
from argosy import models as models_room
from argosy.config import TransformerConfig, UserError, nearest
from argosy.models import ModelFolder
from argosy.storage import write_json

TOKENIZER = "tokenizer.json"
ELSEWHERE = {
    "gguf": "export to huggingface, then llama.cpp's convert_hf_to_gguf.py FOLDER (it knows published tokenisers only)",
    "onnx": "export to huggingface, then optimum-cli export onnx --model FOLDER NEW_FOLDER",
}


def export_model(model: Path, output: Path, *, to: str = "huggingface", replace: bool = False) -> ModelFolder:
    """Write the model in the folder `model` to a new folder in the format `to`.

    Raises `UserError` for another format, a model that is damaged, or an output that exists; with `replace`, a model
    there is replaced.
    """
    if to != "huggingface":
        close = "" if to in ELSEWHERE else nearest(to, ["huggingface", *ELSEWHERE])
        raise UserError("unknown-export", f"--to = {to!r}: expected 'huggingface'{close}", hint=ELSEWHERE.get(to, ""))
    _refuse_itself(model, output)
    with models_room.new_model_folder(output, replace=replace) as folder:
        opened, tokenizer = models_room.load_model(model), data_room.load_tokenizer(model)
        begin, end = tokenizer.beginning_id, tokenizer.separator_id
        models_room.write_hugging_face(opened, folder, begin=begin, end=end)
        shutil.copyfile(model / TOKENIZER, folder / TOKENIZER)
        write_json(folder / "tokenizer_config.json", tokenizer.hugging_face_config(opened.config.sequence_length))
    return _written(output, opened.config)


def import_model(source: Path, output: Path, *, replace: bool = False) -> ModelFolder:
    """Write the model in a Hugging Face folder to a new folder, as a checkpoint's `model` is.

    Raises `UserError` for what Argosy's transformer does not compute exactly, files that are damaged, or an output that
    exists; with `replace`, a model there is replaced.
    """
    _refuse_itself(source, output)
    with models_room.new_model_folder(output, replace=replace) as folder:
        state, config = models_room.read_hugging_face(source)
        tokenizer = data_room.load_tokenizer(source)
        tokens = tokenizer.vocabulary_size
        if tokenizer.separator_is_new:
            raise UserError(
                "bad-tokenizer",
                f"{source / TOKENIZER} has none of the tokens that end a document in published tokenisers, "
                "so nobody knows where a text ends",
            )
        if tokens > config.vocabulary_size:
            raise UserError(
                "bad-tokenizer",
                f"{source / TOKENIZER} has {tokens:,} tokens, the one that ends a text included; "
                f"the model knows {config.vocabulary_size:,}",
            )
        models_room.save_model(state, config, folder)
        shutil.copyfile(source / TOKENIZER, folder / TOKENIZER)
    return _written(output, config)


def _refuse_itself(source: Path, output: Path) -> None:
    """`UserError` when writing `output` would replace `source`."""
    if source.resolve().is_relative_to(output.resolve()):
        raise UserError("exists", f"{output} is, or holds, what is read", hint="choose another with --output DIR")


def _written(folder: Path, config: TransformerConfig) -> ModelFolder:
    return ModelFolder(
        folder=str(folder), architecture=models_room.architecture(config), parameters=config.parameter_count()
    )
