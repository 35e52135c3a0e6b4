"""Models leave for transformers and come back, bit for bit; what Argosy does not compute is refused by name."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from argosy.config import TransformerConfig, UserError
from argosy.data import Tokenizer, load_tokenizer
from argosy.data.tokenizer import train_tokenizer
from argosy.evaluation.text import sample_tokens
from argosy.exchange import export_model, import_model
from argosy.models import Transformer, load_model, save_model
from argosy.models.hugging_face import our_config, their_config
from tests.models.test_transformer import model_of, shape

ODD = [
    "",
    " ",
    "the ship",
    "  two\t\n\n\n spaces  ",
    "<|endoftext|>",
    "a<|endoftext|>b",
    "I'm 1234567, don't .",
    "naïve Ελλάδα हिन्दी 漢字 🚢👩‍🚀 é",
    "\ud7ff\x00\x7f\r\n",
    "def f(x):\n    return x  # ' \"",
]
CHANGES: dict[str, dict[str, Any]] = {
    "grouped": {},
    "multi-head": {"kv_heads": 6},
    "tied": {"tied_embeddings": True, "rope_theta": 500_000.0, "norm_eps": 1e-6},
    "normalised": {"qk_norm": True},
    "normalised-tied": {"qk_norm": True, "tied_embeddings": True, "kv_heads": 1},
}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    made = train_tokenizer(["the ship meets the storm", "the captain fears the port"] * 9, 300)
    made.begin_with_separator()
    return made


def lively(config: TransformerConfig) -> Transformer:
    """A model whose greedy text varies: at their initial size the weights repeat one token."""
    model = model_of(config)
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            parameter *= 4
            if parameter.ndim == 1:
                parameter += torch.randn(parameter.shape, generator=torch.Generator().manual_seed(number)) / 4
    return model


def write(model: Transformer, tokenizer: Tokenizer, folder: Path) -> Path:
    save_model(model.state_dict(), model.config, folder)
    tokenizer.save(folder / "tokenizer.json")
    return folder


@pytest.fixture(scope="module")
def exported(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small exported model, to be copied before it is changed."""
    folder = tmp_path_factory.mktemp("exported")
    model = lively(shape(vocabulary_size=tokenizer.vocabulary_size))
    export_model(write(model, tokenizer, folder / "ours"), folder / "theirs")
    return folder / "theirs"


@pytest.fixture
def theirs(exported: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "theirs"
    folder.mkdir()
    for file in exported.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def change(folder: Path, **changes: Any) -> None:
    tree = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(tree | changes))


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES.keys())
def test_transformers_loads_it_and_computes_the_same(
    changes: dict[str, Any], tokenizer: Tokenizer, tmp_path: Path
) -> None:
    transformers = pytest.importorskip("transformers")
    family = "Qwen3" if "qk_norm" in changes else "Llama"
    model = lively(shape(vocabulary_size=tokenizer.vocabulary_size, **changes))
    result = export_model(write(model, tokenizer, tmp_path / "ours"), tmp_path / "theirs")
    reference, loading = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path / "theirs", output_loading_info=True
    )
    assert not any(loading.values()), "nothing missing, nothing left over"
    assert type(reference).__name__ == result.architecture == f"{family}ForCausalLM"
    assert sum(p.numel() for p in reference.parameters()) == result.parameters
    tokens = torch.randint(tokenizer.vocabulary_size, (2, 40), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(reference(tokens).logits, model(tokens), rtol=0, atol=1e-5)

    their_tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "theirs")
    drawn_in_all = 0
    for prompt in ("the ship", "", "漢"):
        ours = list(sample_tokens(model, tokenizer, prompt, max_tokens=20, temperature=0))
        inputs = their_tokenizer(prompt, return_tensors="pt")
        drawn = reference.generate(**inputs, max_new_tokens=20, do_sample=False)[0, inputs["input_ids"].shape[1] :]
        drawn = [token for token in drawn.tolist() if token != tokenizer.separator_id]
        assert drawn == ours and their_tokenizer.decode(drawn) == tokenizer.decode(ours)
        drawn_in_all += len(set(ours))
    assert drawn_in_all > 20

    again = import_model(tmp_path / "theirs", tmp_path / "again")
    assert again.architecture == result.architecture
    assert {f.name for f in (tmp_path / "again").iterdir()} == {"config.json", "model.safetensors", "tokenizer.json"}
    for file in (tmp_path / "again").iterdir():
        assert file.read_bytes() == (tmp_path / "ours" / file.name).read_bytes(), file.name
    export_model(tmp_path / "again", tmp_path / "theirs again")
    for file in (tmp_path / "theirs").iterdir():
        assert file.read_bytes() == (tmp_path / "theirs again" / file.name).read_bytes(), file.name


def test_their_tokenizer_gives_the_same_ids_and_text(exported: Path, tokenizer: Tokenizer) -> None:
    transformers = pytest.importorskip("transformers")
    reference = transformers.AutoTokenizer.from_pretrained(exported)
    separator = tokenizer.separator_id
    assert reference.bos_token_id == reference.eos_token_id == separator
    for text in ODD:
        ids = tokenizer.encode(text)
        assert reference(text, add_special_tokens=False)["input_ids"] == ids, text
        assert reference(text)["input_ids"] == [separator, *ids], "a document begins with the separator"
        assert reference.decode(ids) == tokenizer.decode(ids) == text


@settings(max_examples=40, deadline=None)
@given(
    heads=st.integers(1, 6),
    groups=st.integers(1, 4),
    width=st.sampled_from([2, 4, 8]),
    rest=st.fixed_dictionaries(
        {
            "layers": st.integers(1, 4),
            "ffn_dim": st.integers(1, 40),
            "vocabulary_size": st.integers(1, 500),
            "sequence_length": st.integers(1, 200_000),
            "tied_embeddings": st.booleans(),
            "qk_norm": st.booleans(),
            "rope_theta": st.floats(1.0, 1e7) | st.integers(1, 10**7),
            "norm_eps": st.floats(1e-12, 1e-3),
        }
    ),
)
def test_every_shape_survives_the_round_trip(heads: int, groups: int, width: int, rest: dict[str, Any]) -> None:
    config = shape(dim=heads * groups * width, heads=heads * groups, kv_heads=heads, **rest)
    tree = json.loads(json.dumps(their_config(config)))
    assert our_config(tree, Path("config.json")) == config


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_what_transformers_saves_is_read(dtype: torch.dtype, exported: Path, tmp_path: Path) -> None:
    """In parts, in half the bytes, as another of the family."""
    transformers = pytest.importorskip("transformers")
    tree = json.loads((exported / "config.json").read_text())
    keys = {key: tree[key] for key in tree if key not in ("model_type", "architectures", "dtype")}
    reference = transformers.MistralForCausalLM(transformers.MistralConfig(**keys, sliding_window=None)).to(dtype)
    reference.save_pretrained(tmp_path / "theirs", max_shard_size="100KB")
    assert len(list((tmp_path / "theirs").glob("model-*.safetensors"))) > 1
    (tmp_path / "theirs" / "tokenizer.json").write_bytes((exported / "tokenizer.json").read_bytes())
    import_model(tmp_path / "theirs", tmp_path / "ours")
    tokens = torch.arange(40)[None]
    with torch.no_grad():
        expected = reference.float().eval()(tokens).logits
        torch.testing.assert_close(load_model(tmp_path / "ours")(tokens), expected, rtol=0, atol=1e-5)

    next((tmp_path / "theirs").glob("model-*.safetensors")).unlink()
    with pytest.raises(UserError, match=r"model-0.*safetensors is not a safetensors file"):
        import_model(tmp_path / "theirs", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_tied_head_may_be_there_twice(tokenizer: Tokenizer, tmp_path: Path) -> None:
    model = lively(shape(vocabulary_size=tokenizer.vocabulary_size, tied_embeddings=True))
    export_model(write(model, tokenizer, tmp_path / "ours"), tmp_path / "theirs")
    weights = load_file(tmp_path / "theirs" / "model.safetensors")
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"].clone()
    weights["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(4)  # older versions of transformers kept it
    save_file(weights, tmp_path / "theirs" / "model.safetensors")
    import_model(tmp_path / "theirs", tmp_path / "again")
    weights["lm_head.weight"] += 1
    save_file(weights, tmp_path / "theirs" / "model.safetensors")
    with pytest.raises(UserError, match=r"lm_head\.weight is not part of this model"):
        import_model(tmp_path / "theirs", tmp_path / "other")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"hidden_act": "gelu"}, "hidden_act = 'gelu', expected 'silu'"),
        ({"attention_bias": True}, "attention_bias = True, expected False"),
        ({"mlp_bias": True}, "mlp_bias = True"),
        ({"head_dim": 16}, "head_dim = 16, expected hidden_size / num_attention_heads = 8"),
        ({"num_key_value_heads": 4}, "48 wide with 6 heads and 4 for keys, expected multiples"),
        ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, "rope_parameters.rope_type = 'llama3'"),
        ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "rope_parameters.factor = 2.0"),
        ({"rope_parameters": {"full_attention": {"rope_theta": 1e4}}}, "rope_parameters.full_attention"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor = 0.5, expected 1.0"),
        ({"quantization_config": {"bits": 4}}, "quantization_config"),
        ({"model_type": "mistral", "sliding_window": 16}, "sliding_window = 16, expected null"),
        ({"model_type": "qwen3", "use_sliding_window": True}, "use_sliding_window = True"),
        ({"model_type": "mistral", "sliding_window": "wide"}, "sliding_window = 'wide'"),
        ({"layer_types": ["full_attention", "sliding_attention"]}, "layer_types = ['full_attention', 'sliding_"),
        ({"layer_types": 3}, "layer_types = 3, expected 'full_attention' alone"),
        ({"hidden_size": None}, "hidden_size = None, expected a positive whole number"),
        ({"num_attention_heads": 0}, "num_attention_heads = 0, expected a positive whole number"),
        ({"num_hidden_layers": "two"}, "num_hidden_layers = 'two'"),
        ({"rms_norm_eps": True}, "rms_norm_eps = True, expected a positive number"),
        ({"tie_word_embeddings": 3}, "tie_word_embeddings = 3, expected true or false"),
        ({"rope_scaling": "linear"}, "rope_scaling = 'linear'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_argosy_does_not_compute_is_refused_by_name(
    theirs: Path, tmp_path: Path, changes: dict[str, Any], named: str
) -> None:
    change(theirs, **changes)
    with pytest.raises(UserError) as caught:
        import_model(theirs, tmp_path / "again")
    assert caught.value.code == "unsupported-model" and named in str(caught.value)
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("kind", ["lama", "gpt_neox", None, ["llama"]])
def test_an_unknown_architecture_is_named_beside_the_known(theirs: Path, tmp_path: Path, kind: Any) -> None:
    change(theirs, model_type=kind)
    with pytest.raises(UserError, match="expected one of llama, mistral, qwen3") as caught:
        import_model(theirs, tmp_path / "again")
    assert caught.value.code == "unknown-architecture" and str(kind).strip("[]'") in caught.value.message
    assert ("did you mean 'llama'" in caught.value.message) == (kind == "lama" or isinstance(kind, list))


def test_tensors_that_do_not_fit_are_named_as_they_are_in_the_file(theirs: Path, tmp_path: Path) -> None:
    file = theirs / "model.safetensors"
    weights = load_file(file)
    weights["model.layers.1.self_attn.q_proj.bias"] = torch.zeros(48)
    weights["model.norm.wieght"] = weights.pop("model.norm.weight")
    weights["lm_head.weight"] = weights["lm_head.weight"][1:].clone()
    save_file(weights, file)
    with pytest.raises(UserError) as caught:
        import_model(theirs, tmp_path / "again")
    for needle in (
        "model.norm.weight is missing; did you mean 'model.norm.wieght'",
        "model.layers.1.self_attn.q_proj.bias is not part of this model",
        "lm_head.weight has shape",
    ):
        assert needle in str(caught.value)


def test_weights_that_float32_does_not_hold_are_refused(theirs: Path, tmp_path: Path) -> None:
    weights = load_file(theirs / "model.safetensors")
    weights["model.norm.weight"] = weights["model.norm.weight"].double()
    save_file(weights, theirs / "model.safetensors")
    with pytest.raises(UserError, match=r"model\.norm\.weight is torch\.float64, expected float32"):
        import_model(theirs, tmp_path / "again")


def test_pickles_are_not_opened(theirs: Path, tmp_path: Path) -> None:
    (theirs / "model.safetensors").rename(theirs / "pytorch_model.bin")
    with pytest.raises(UserError, match="can run code and are not opened") as caught:
        import_model(theirs, tmp_path / "again")
    assert caught.value.code == "no-safetensors" and "save_pretrained" in caught.value.hint
    (theirs / "model.safetensors.index.json").write_text("[]")
    with pytest.raises(UserError, match="has no weight_map"):
        import_model(theirs, tmp_path / "again")


def test_a_tokenizer_that_does_not_fit_is_refused(theirs: Path, tmp_path: Path) -> None:
    train_tokenizer(["many other words and letters " * 3], 310).save(theirs / "tokenizer.json")
    other = load_tokenizer(theirs)
    other.core.add_tokens([f"new{number}" for number in range(100)])
    other.save(theirs / "tokenizer.json")
    with pytest.raises(UserError, match="tokens") as caught:
        import_model(theirs, tmp_path / "again")
    assert caught.value.code == "bad-tokenizer"
    (theirs / "tokenizer.json").unlink()
    with pytest.raises(UserError, match=r"tokenizer\.json") as caught:
        import_model(theirs, tmp_path / "again")
    assert caught.value.code == "bad-tokenizer"


def test_a_text_begins_as_the_tokenizer_says(theirs: Path, tokenizer: Tokenizer) -> None:
    """A published tokeniser may begin a text with another token than the one that ends it."""
    tree = json.loads((theirs / "tokenizer.json").read_text())
    assert load_tokenizer(theirs).beginning_id == tokenizer.separator_id
    tree["post_processor"] = None
    (theirs / "tokenizer.json").write_text(json.dumps(tree))
    assert load_tokenizer(theirs).beginning_id == tokenizer.separator_id
    token = {"id": "!", "ids": [1], "tokens": ["!"]}
    tree["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "!", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {"!": token},
    }
    (theirs / "tokenizer.json").write_text(json.dumps(tree))
    assert load_tokenizer(theirs).beginning_id == 1


def test_nothing_that_exists_is_overwritten_unasked(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    import_model(exported, tmp_path / "empty")
    before = (tmp_path / "empty" / "config.json").read_bytes()
    with pytest.raises(UserError, match="exists already") as caught:
        import_model(exported, tmp_path / "empty")
    assert caught.value.code == "exists" and "--force" in caught.value.hint
    assert (tmp_path / "empty" / "config.json").read_bytes() == before
    import_model(exported, tmp_path / "empty", replace=True)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("years of work")
    (tmp_path / "file").write_text("x")
    for place in ("precious", "file"):
        with pytest.raises(UserError, match="exists already"):
            import_model(exported, tmp_path / place, replace=True)
    assert (tmp_path / "precious" / "thesis.txt").exists()


@pytest.mark.parametrize(("to", "named"), [("gguf", "llama.cpp"), ("onnx", "optimum"), ("hugingface", "did you mean")])
def test_other_formats_say_how_to_get_there(exported: Path, tmp_path: Path, to: str, named: str) -> None:
    with pytest.raises(UserError, match="expected 'huggingface'") as caught:
        export_model(exported, tmp_path / "out", to=to)
    assert named in str(caught.value) and caught.value.code == "unknown-export"


def test_a_hugging_face_folder_that_was_not_imported_is_told_apart(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="argosy import"):
        export_model(exported, tmp_path / "out")
