"""Writes layer-vectors.json: self-attention with its projections and all gradients, in float64 by PyTorch on the CPU.

    python3 -m venv .venv-torch && .venv-torch/bin/pip install torch==2.13.0 numpy
    .venv-torch/bin/python kernel-lib/test/data/make-layer-vectors.py

Projections are torch.nn.functional.linear, attention is scaled_dot_product_attention, or the plain formula with our dropout mask. Where
torch.nn.MultiheadAttention can express the case (as many key heads as heads, no dropout), the generator asserts that it gives the
same. Inputs and weights have two decimals.
"""

import importlib.util
import json
import pathlib

import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent
spec = importlib.util.spec_from_file_location("compat", HERE / "make-compat-vectors.py")
compat = importlib.util.module_from_spec(spec)
spec.loader.exec_module(compat)
draw, numbers = compat.vectors.draw, compat.numbers

CASES = [
    dict(name="plain", B=2, N=5, hidden=8, H=2),
    dict(name="causal, grouped heads, no bias", B=2, N=4, hidden=12, H=4, Hk=1, causal=True, bias=False),
    dict(name="widths that are no multiples of four", B=1, N=5, hidden=6, H=2, Hk=1, causal=True),
    dict(name="padding", B=2, N=6, hidden=8, H=2, lengths=[6, 3]),
    dict(name="mask of pairs", B=2, N=4, hidden=8, H=2, Hk=1, mask=[2, 4, 4]),
    dict(name="dropout", B=2, N=5, hidden=8, H=2, dropout=0.3, seed=77),
]


def as_pytorch_says(c, x, p, allowed):
    """out of torch.nn.MultiheadAttention, whose masks are true where nothing may be seen."""
    module = torch.nn.MultiheadAttention(c["hidden"], c["H"], bias=c["bias"], batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        module.in_proj_weight.copy_(torch.cat([p[f"{name}Proj.weight"] for name in "qkv"]))
        module.out_proj.weight.copy_(p["outProj.weight"])
        if c["bias"]:
            module.in_proj_bias.copy_(torch.cat([p[f"{name}Proj.bias"] for name in "qkv"]))
            module.out_proj.bias.copy_(p["outProj.bias"])
    B, N, _ = x.shape
    forbidden = ~allowed.expand(B, c["H"], N, N).flatten(0, 1)
    return module(x, x, x, attn_mask=forbidden, need_weights=False)[0]


def make(index, **given):
    c = dict(Hk=given["H"], bias=True, causal=False, lengths=None, mask=None, dropout=0, seed=0)
    c.update(given)
    B, N, hidden, H, Hk = (c[size] for size in ("B", "N", "hidden", "H", "Hk"))
    D = hidden // H
    generator = torch.Generator().manual_seed(100 + index)
    x = draw(generator, B, N, hidden)
    dout = draw(generator, B, N, hidden)
    p = {}
    for name, out in dict(q=hidden, k=Hk * D, v=Hk * D, out=hidden).items():
        p[f"{name}Proj.weight"] = draw(generator, out, hidden)
        if c["bias"]:
            p[f"{name}Proj.bias"] = draw(generator, out)
    leaves = [x, *p.values()]
    for t in leaves:
        t.requires_grad_()

    allowed = torch.ones(1, 1, N, N).bool()
    mask = None
    if c["causal"]:
        allowed = allowed.tril()
    if c["lengths"]:
        mask = (torch.arange(N) < torch.tensor(c["lengths"])[:, None]).to(torch.float64)
        allowed = allowed & (mask != 0)[:, None, None, :]
    if c["mask"]:
        mask = torch.randint(0, 2, c["mask"], generator=generator).to(torch.float64)
        # Every query sees itself, so that PyTorch's module is defined.
        mask = torch.maximum(mask, torch.eye(N, dtype=torch.float64)).reshape(-1, 1, N, N)
        allowed = allowed & (mask != 0)

    heads = lambda name, n: F.linear(x, p[f"{name}Proj.weight"], p.get(f"{name}Proj.bias")).reshape(B, N, n, D).transpose(1, 2)
    q, k, v = heads("q", H), heads("k", Hk), heads("v", Hk)
    if c["dropout"]:
        attended, _ = compat.formula(q, k, v, dropout=(c["dropout"], c["seed"]))
    else:
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed, enable_gqa=True)
    out = F.linear(attended.transpose(1, 2).flatten(2), p["outProj.weight"], p.get("outProj.bias"))
    if H == Hk and not c["dropout"]:
        torch.testing.assert_close(as_pytorch_says(c, x, p, allowed), out, rtol=1e-11, atol=1e-11)
    grads = torch.autograd.grad(out, leaves, dout)
    describe = lambda t: dict(shape=list(t.shape), data=numbers(t))
    return dict(
        name=c["name"],
        layer=dict(hiddenSize=hidden, numHeads=H, kvHeads=Hk, bias=c["bias"], dropout=c["dropout"]),
        causal=c["causal"],
        seed=c["seed"],
        x=describe(x),
        dout=describe(dout),
        parameters={name: describe(t) for name, t in p.items()},
        **({} if mask is None else dict(mask=describe(mask))),
        expected=dict(
            out=describe(out), dx=describe(grads[0]), **{name: describe(g) for name, g in zip(p, grads[1:])}
        ),
    )


def main():
    cases = [make(index, **case) for index, case in enumerate(CASES)]
    header = json.dumps(dict(torch=torch.__version__.split("+")[0]))[:-1]
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    path = HERE / "layer-vectors.json"
    path.write_text(f'{header}, "cases": [\n{lines}\n]}}\n')
    print(f"{path.name}: {len(cases)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
