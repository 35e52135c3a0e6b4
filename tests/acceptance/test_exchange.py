"""A trained model leaves for transformers and comes back, as a user sees it."""

from pathlib import Path

import pytest

from tests.conftest import CommandLine


def test_export_import_and_generate(argosy: CommandLine, tiny_venture: Path) -> None:
    transformers = pytest.importorskip("transformers")
    argosy("train", str(tiny_venture))
    exported = argosy.json("export", "tiny")
    folder = argosy.folder / exported["folder"]
    assert folder == tiny_venture.parent / "runs" / "tiny" / "huggingface"
    assert {path.name for path in folder.iterdir()} == {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    greedy = ("--prompt", "the ", "--temperature", "0", "--max-tokens", "12")
    text = argosy.json("generate", "tiny", *greedy)["text"]
    model = transformers.LlamaForCausalLM.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    inputs = tokenizer("the ", return_tensors="pt")
    drawn = model.generate(**inputs, max_new_tokens=12, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    assert tokenizer.decode(drawn, skip_special_tokens=True) == text != ""

    imported = argosy.json("import", str(folder), "--output", "models/tiny")
    assert imported["parameters"] == exported["parameters"]
    assert argosy.json("generate", "models/tiny", *greedy)["text"] == text
    argosy("export", "models/tiny", "--output", "again")
    for path in folder.iterdir():
        assert path.read_bytes() == (argosy.folder / "again" / path.name).read_bytes(), path.name

    assert "[exists]" in argosy("export", "tiny", code=2).stderr
    argosy("export", "tiny", "--force")
    (folder / "notes").mkdir()
    assert "not replaced" in argosy("export", "tiny", "--force", code=2).stderr
    (folder / "notes").rmdir()
    assert "what is read" in argosy("import", str(folder), "--output", str(folder.parent), "--force", code=2).stderr
    assert "convert_hf_to_gguf.py" in argosy("export", "tiny", "--to", "gguf", code=2).stderr
    assert "[missing-file]" in argosy("import", "nowhere", code=2).stderr
    (folder / "config.json").write_text('{"model_type": "bert"}')
    error = argosy("import", str(folder), code=2).stderr
    assert "bert" in error and "llama, mistral, qwen3" in error and "[unknown-architecture]" in error

    weights = next((tiny_venture.parent / "runs" / "tiny" / "checkpoints").glob("step-00000012/model/*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00")
    assert "[damaged-checkpoint]" in argosy("export", "tiny", "--output", "other", code=2).stderr
