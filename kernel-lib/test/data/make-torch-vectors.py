"""Writes torch-vectors.json: attention and its gradients as PyTorch computes them in float64 on the CPU.

    python3 -m venv .venv-torch && .venv-torch/bin/pip install torch==2.13.0 numpy
    .venv-torch/bin/python kernel-lib/test/data/make-torch-vectors.py

out comes from torch.nn.functional.scaled_dot_product_attention, lse from torch.logsumexp over the scores, dq, dk and dv from
autograd. Inputs have two decimals, so that the file is short and both sides read the same float64 numbers.

PyTorch's is_causal is aligned to the top left (j <= i), FlashLab's causal to the bottom right (j <= i + Nk - Nq). They are
brought together like this:
- Nq == Nk: the same mask, is_causal=True.
- Nq < Nk, 'mask': a boolean mask with the diagonal moved by Nk - Nq.
- Nq < Nk, 'top-left': is_causal=True over all keys. PyTorch then never reads the keys from Nq on, so the problem written is the
  square one over the first Nq keys; the generator asserts that the gradients of the other keys are 0.
- Nq > Nk: the first Nq - Nk rows see nothing, for which PyTorch has no agreed meaning. It gets the other rows, which are a square
  causal problem; 'emptyRows' says how many rows come before them.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F

CASES = [
    dict(name="square", B=2, H=2, Hk=2, Nq=5, Nk=5, D=4, Dv=4),
    dict(name="one query, one key", B=1, H=1, Hk=1, Nq=1, Nk=1, D=3, Dv=2),
    dict(name="unequal lengths, Dv != D", B=1, H=2, Hk=2, Nq=3, Nk=7, D=5, Dv=3),
    dict(name="more queries than keys, Dv > D", B=1, H=2, Hk=2, Nq=7, Nk=3, D=2, Dv=6),
    dict(name="causal square", B=2, H=2, Hk=2, Nq=6, Nk=6, D=4, Dv=4, causal=True),
    dict(name="causal, fewer queries: mask", B=1, H=2, Hk=2, Nq=3, Nk=8, D=4, Dv=5, causal=True),
    dict(name="causal, fewer queries: top-left", B=1, H=2, Hk=2, Nq=4, Nk=9, D=4, Dv=4, causal=True, top_left=True),
    dict(name="causal, more queries: empty rows", B=1, H=2, Hk=2, Nq=9, Nk=5, D=4, Dv=3, causal=True),
    dict(name="grouped heads", B=2, H=6, Hk=2, Nq=4, Nk=5, D=3, Dv=4),
    dict(name="one key head, causal", B=1, H=4, Hk=1, Nq=5, Nk=5, D=4, Dv=4, causal=True),
    dict(name="scale 0", B=1, H=1, Hk=1, Nq=3, Nk=4, D=4, Dv=4, scale=0.0),
    dict(name="negative scale", B=1, H=1, Hk=1, Nq=3, Nk=4, D=4, Dv=4, scale=-0.7),
    dict(name="large scores", B=1, H=2, Hk=1, Nq=6, Nk=6, D=8, Dv=4, scale=20.0, causal=True),
    dict(name="longer", B=1, H=2, Hk=1, Nq=19, Nk=33, D=16, Dv=11, causal=True),
]


def draw(generator, *shape):
    """Standard normal numbers with two decimals."""
    values = torch.randn(*shape, dtype=torch.float64, generator=generator)
    return torch.round(values * 100) / 100


def numbers(tensor):
    return tensor.detach().flatten().tolist()


def run(index, name, B, H, Hk, Nq, Nk, D, Dv, causal=False, top_left=False, scale=None):
    generator = torch.Generator().manual_seed(index)
    q, dout = draw(generator, B, H, Nq, D), draw(generator, B, H, Nq, Dv)
    k, v = draw(generator, B, Hk, Nk, D), draw(generator, B, Hk, Nk, Dv)
    scale = 1 / math.sqrt(D) if scale is None else scale
    empty = max(0, Nq - Nk) if causal else 0

    torch_q = q[:, :, empty:].clone().requires_grad_()
    torch_k, torch_v = k.clone().requires_grad_(), v.clone().requires_grad_()
    rows = Nq - empty
    diagonal = 0 if top_left else Nk - rows
    allowed = torch.ones(rows, Nk, dtype=torch.bool).tril(diagonal) if causal else torch.ones(rows, Nk, dtype=torch.bool)
    how = dict(is_causal=True) if causal and (top_left or rows == Nk) else dict(attn_mask=allowed)
    out = F.scaled_dot_product_attention(torch_q, torch_k, torch_v, scale=scale, enable_gqa=H != Hk, **how)
    out.backward(dout[:, :, empty:])

    scores = scale * torch_q @ torch_k.repeat_interleave(H // Hk, dim=1).transpose(-1, -2)
    lse = torch.logsumexp(scores.masked_fill(~allowed, -math.inf), dim=-1)

    dk, dv = torch_k.grad, torch_v.grad
    if top_left:
        assert not dk[:, :, Nq:].any() and not dv[:, :, Nq:].any()
        k, v, dk, dv, Nk = k[:, :, :Nq], v[:, :, :Nq], dk[:, :, :Nq], dv[:, :, :Nq], Nq
    return dict(
        name=name,
        problem=dict(B=B, H=H, Hk=Hk, Nq=Nq, Nk=Nk, D=D, Dv=Dv, scale=scale, causal=causal, layout="bhnd"),
        emptyRows=empty,
        inputs=dict(q=numbers(q), k=numbers(k), v=numbers(v), dout=numbers(dout)),
        expected=dict(out=numbers(out), lse=numbers(lse), dq=numbers(torch_q.grad), dk=numbers(dk), dv=numbers(dv)),
    )


def main():
    cases = [run(index, **case) for index, case in enumerate(CASES)]
    header = json.dumps(dict(torch=torch.__version__.split("+")[0]))[:-1]
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    path = pathlib.Path(__file__).with_name("torch-vectors.json")
    path.write_text(f'{header}, "cases": [\n{lines}\n]}}\n')
    print(f"{path.name}: {len(cases)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
