"""Writes torch-vectors.json: attention and its gradients as PyTorch computes them in float64 on the CPU.

    python3 -m venv .venv-torch && .venv-torch/bin/pip install torch==2.13.0 numpy
    .venv-torch/bin/python kernel-lib/test/data/make-torch-vectors.py

The gradients come from autograd over the plain formula. Where torch.nn.functional.scaled_dot_product_attention can express the
case (all but softcap and dropout), the generator asserts that its results and gradients are the same. Inputs have two decimals,
so that the file is short and both sides read the same float64 numbers; null stands for an infinity.

A query sees keys i + Nk - Nq - left <= j <= i + Nk - Nq + right of its band [left, right]. Bottom-right causal is
[None, 0]; PyTorch's own is_causal, aligned to the top left (j <= i), is [None, Nq - Nk].
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F

TOP_LEFT = "top left"
PLAIN = dict(B=1, H=2, Hk=2, Nq=4, Nk=5, D=3, Dv=3)
CAUSAL = [None, 0]

CASES = [
    dict(name="square", B=2, Nq=5, D=4, Dv=4),
    dict(name="one query, one key", H=1, Hk=1, Nq=1, Nk=1, Dv=2),
    dict(name="unequal lengths, Dv != D", Nq=3, Nk=7, D=5),
    dict(name="more queries than keys, Dv > D", Nq=7, Nk=3, D=2, Dv=6),
    dict(name="causal square", Nq=6, Nk=6, band=CAUSAL),
    dict(name="causal, fewer queries", Nq=3, Nk=8, Dv=5, band=CAUSAL),
    dict(name="causal, more queries: empty rows", Nq=9, Nk=5, D=4, band=CAUSAL),
    dict(name="causal from the top left, fewer queries", Nq=4, Nk=9, band=TOP_LEFT),
    dict(name="causal from the top left, more queries", Nq=7, Nk=4, band=TOP_LEFT),
    dict(name="grouped heads", B=2, H=6, Hk=2, Dv=4),
    dict(name="one key head, causal", H=4, Hk=1, Nq=5, band=CAUSAL),
    dict(name="scale 0", H=1, Hk=1, scale=0.0),
    dict(name="negative scale", H=1, Hk=1, scale=-0.7),
    dict(name="large scores", H=2, Hk=1, Nq=6, Nk=6, D=8, scale=20.0, band=CAUSAL),
    dict(name="longer", H=2, Hk=1, Nq=11, Nk=19, D=9, Dv=5, band=CAUSAL),
    dict(name="window", Nq=6, Nk=6, band=[2, 1]),
    dict(name="window, unequal lengths, causal", H=4, Hk=2, Nq=4, Nk=9, band=[3, 0]),
    dict(name="window that misses rows", Nq=9, Nk=4, band=[1, 1]),
    dict(name="window unbounded to the right", Nq=5, Nk=7, band=[1, None]),
    dict(name="softcap", softcap=1.5),
    dict(name="softcap, saturated", softcap=2.0, scale=30.0),
    dict(name="ALiBi per head", H=4, Hk=2, Nq=5, Nk=3, alibi="head"),
    dict(name="ALiBi per batch and head, causal", B=2, Nq=3, Nk=6, alibi="batch", band=CAUSAL),
    dict(name="bias", B=2, bias=[2, 2, 4, 5]),
    dict(name="bias, one for all heads and batches", B=2, H=4, bias=[1, 1, 4, 5]),
    dict(name="bias, one row", bias=[1, 2, 1, 5]),
    dict(name="bias, one column", B=2, bias=[2, 1, 4, 1]),
    dict(name="bias, one number", bias=[1, 1, 1, 1]),
    dict(name="bias with -Infinity, one row all of it", bias=[1, 2, 4, 5], forbid="bias"),
    dict(name="mask", B=2, mask=[2, 2, 4, 5]),
    dict(name="mask of keys per batch", B=2, H=4, Hk=1, mask=[2, 1, 1, 5]),
    dict(name="mask of queries: empty rows", mask=[1, 2, 4, 1]),
    dict(name="dropout", B=2, Nq=6, dropout=0.4, seed=7),
    dict(name="dropout, large seed, most dropped", H=4, Hk=2, dropout=0.8, seed=4000000000),
    dict(name="packed sequences", H=4, Hk=2, lengths=([3, 1, 4], [2, 5, 4]), Dv=2),
    dict(name="packed sequences, some empty, causal", lengths=([0, 3, 2, 0, 4], [3, 0, 4, 0, 2]), band=CAUSAL),
    dict(name="all together", B=2, H=4, Hk=2, Nq=5, Nk=6, Dv=4, band=[3, 1], softcap=1.2, alibi="batch",
         bias=[2, 1, 5, 6], mask=[1, 4, 5, 6], dropout=0.3, seed=99, scale=0.9, forbid="bias"),
    dict(name="all together, packed", H=4, Hk=2, lengths=([3, 0, 4], [5, 2, 3]), band=[2, 1], softcap=1.2, alibi="batch",
         bias=[3, 1, 4, 5], mask=[1, 4, 4, 1], dropout=0.3, seed=5),
]  # fmt: skip


def draw(generator, *shape):
    """Standard normal numbers with two decimals."""
    values = torch.randn(*shape, dtype=torch.float64, generator=generator)
    return torch.round(values * 100) / 100


def numbers(tensor):
    """14 digits of each, which is far more than the comparison needs."""
    return [float(f"{x:.14g}") if math.isfinite(x) else None for x in tensor.detach().flatten().tolist()]


def keeps(seed, p, b, h, i, j):
    """Whether dropout keeps an entry: the last word of pcg4d (Jarzynski and Olano 2020), against p as a fraction of 2^32."""
    words = [(x * 1664525 + 1013904223) % 2**32 for x in (seed, (b << 16) + h, i, j)]
    for step in range(2):
        x, y, z, w = words
        x = (x + y * w) % 2**32
        y = (y + z * x) % 2**32
        z = (z + x * y) % 2**32
        w = (w + y * z) % 2**32
        words = [x, y, z, w] if step else [n ^ n >> 16 for n in (x, y, z, w)]
    return words[3] >= math.floor(p * 2**32)


def attend(c, first, q, k, v, slopes, bias, mask, dout):
    """out and lse of dense q, k, v, whose batch begins at `first`; checked against PyTorch's own attention."""
    B, H, Nq, _ = q.shape
    Nk = k.shape[2]
    keys, values = (x.repeat_interleave(H // x.shape[1], dim=1) for x in (k, v))
    scores = c["scale"] * q @ keys.transpose(-1, -2)
    if c["softcap"]:
        scores = c["softcap"] * torch.tanh(scores / c["softcap"])

    distance = torch.arange(Nq)[:, None] + Nk - Nq - torch.arange(Nk)[None, :]
    left, right = (math.inf if bound is None else bound for bound in c["band"])
    allowed = ((distance <= left) & (-distance <= right)).expand(B, H, Nq, Nk)
    added = torch.zeros(B, H, Nq, Nk, dtype=torch.float64)
    if slopes is not None:
        added = added - slopes[:, :, None, None] * distance.abs()
    if bias is not None:
        added = added + bias
    if mask is not None:
        allowed = allowed & (mask != 0)
    added = added.masked_fill(~allowed, -math.inf)

    scores = scores + added
    empty = (scores == -math.inf).all(-1, keepdim=True) if Nk else torch.ones(B, H, Nq, 1, dtype=torch.bool)
    # A row with nothing to attend to gives 0, to which nothing contributes.
    weights = torch.where(empty, 0.0, torch.softmax(torch.where(empty, 0.0, scores), dim=-1))
    if c["dropout"]:
        kept = [[[[keeps(c["seed"], c["dropout"], first + b, h, i, j) for j in range(Nk)] for i in range(Nq)]
                 for h in range(H)] for b in range(B)]  # fmt: skip
        weights = weights * torch.tensor(kept, dtype=torch.float64).reshape(B, H, Nq, Nk) / (1 - c["dropout"])
    out = weights @ values

    if not c["softcap"] and not c["dropout"] and Nq and Nk:
        inputs = [q, k, v] + ([] if bias is None else [bias])
        top_left = c["band"] == [None, Nq - Nk] and slopes is None and bias is None and mask is None
        how = dict(is_causal=True) if top_left else dict(attn_mask=added)
        same = F.scaled_dot_product_attention(q, k, v, scale=c["scale"], enable_gqa=True, **how)
        # PyTorch has no agreed meaning for empty rows: they are left out of its loss.
        same = torch.where(empty, 0.0, same)
        ours = torch.autograd.grad(out, inputs, dout, retain_graph=True)
        theirs = torch.autograd.grad(same, inputs, dout, retain_graph=True)
        for a, b in zip([out, *ours], [same, *theirs]):
            torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11)
    return out, torch.logsumexp(scores, dim=-1)


def run(index, name, lengths=None, **given):
    c = dict(PLAIN, band=[None, None], softcap=0, alibi=None, bias=None, mask=None, forbid=None, dropout=0, seed=0)
    c.update(given)
    c.setdefault("scale", 1 / math.sqrt(c["D"]))
    if lengths:
        c.update(B=len(lengths[0]), Nq=max(lengths[0]), Nk=max(lengths[1]))
    if c["band"] == TOP_LEFT:
        c["band"] = [None, c["Nq"] - c["Nk"]]
    B, H, Hk, Nq, Nk, D, Dv = (c[size] for size in ("B", "H", "Hk", "Nq", "Nk", "D", "Dv"))
    generator = torch.Generator().manual_seed(index)
    if lengths:
        total_q, total_k = (sum(part) for part in lengths)
        shapes = [(total_q, H, D), (total_q, H, Dv), (total_k, Hk, D), (total_k, Hk, Dv)]
    else:
        shapes = [(B, H, Nq, D), (B, H, Nq, Dv), (B, Hk, Nk, D), (B, Hk, Nk, Dv)]
    q, dout, k, v = (draw(generator, *shape) for shape in shapes)
    slopes = None
    if c["alibi"]:
        # Halves and quarters, which are float32 numbers.
        slopes = torch.randint(0, 8, (B if c["alibi"] == "batch" else 1, H), generator=generator) / 4
        slopes = slopes.to(torch.float64).expand(B, H)
    bias = draw(generator, *c["bias"]) if c["bias"] else None
    if c["forbid"] == "bias":
        bias[..., 1, :] = -math.inf
        bias[..., 2, ::2] = -math.inf
    mask = torch.randint(0, 2, c["mask"], generator=generator) if c["mask"] else None
    leaves = [x.requires_grad_() for x in (q, k, v, bias) if x is not None]

    if lengths:
        outs, lses, at_q, at_k = [], [], 0, 0
        for b, (nq, nk) in enumerate(zip(*lengths)):
            rows, keys = slice(at_q, at_q + nq), slice(at_k, at_k + nk)
            own_q, own_k, own_v, own_dout = (x.transpose(0, 1)[None] for x in (q[rows], k[keys], v[keys], dout[rows]))
            own = lambda x: None if x is None else x.expand(B, H, Nq, Nk)[b : b + 1, :, :nq, :nk]
            own_slopes = None if slopes is None else slopes[b : b + 1]
            out, lse = attend(c, b, own_q, own_k, own_v, own_slopes, own(bias), own(mask), own_dout)
            outs.append(out[0].transpose(0, 1))
            lses.append(lse[0])
            at_q, at_k = at_q + nq, at_k + nk
        out, lse = torch.cat(outs), torch.cat(lses, dim=-1)
    else:
        out, lse = attend(c, 0, q, k, v, slopes, bias, mask, dout)
    grads = torch.autograd.grad(out, leaves, dout)

    problem = dict(B=B, H=H, Hk=Hk, Nq=Nq, Nk=Nk, D=D, Dv=Dv, scale=c["scale"], band=c["band"], softcap=c["softcap"])
    if slopes is not None:
        problem.update(alibiSlopes=numbers(slopes))
    if c["bias"]:
        problem.update(bias=c["bias"])
    if c["mask"]:
        problem.update(mask=c["mask"])
    if c["dropout"]:
        problem.update(dropout=dict(p=c["dropout"], seed=c["seed"]))
    if lengths:
        problem.update(lengths=lengths)
    inputs = dict(q=q, k=k, v=v, bias=bias, mask=mask, dout=dout)
    expected = dict(zip(("out", "lse", "dq", "dk", "dv", "dbias"), (out, lse, *grads)))
    return dict(
        name=name,
        problem=problem,
        inputs={key: numbers(x) for key, x in inputs.items() if x is not None},
        expected={key: numbers(x) for key, x in expected.items()},
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
