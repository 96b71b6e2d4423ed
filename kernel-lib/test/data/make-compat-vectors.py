"""Writes compat-vectors.json: what calls of PyTorch, flash-attn and xformers give, with gradients, in float64 on the CPU.

    python3 -m venv .venv-torch && .venv-torch/bin/pip install torch==2.13.0 numpy
    .venv-torch/bin/python kernel-lib/test/data/make-compat-vectors.py

scaled_dot_product_attention is PyTorch's own, but for dropout, whose random numbers are ours. flash-attn and xformers run on CUDA only,
so their functions are written out from their documentation: masks are built as matrices with tril and triu, as the original classes
materialize them, and added to the scores of xformers' "equivalent pytorch code". Where a row is masked altogether out is 0 in all
three (PyTorch's safe softmax, flash-attn's documentation), and asserted where PyTorch computes.

Inputs have two decimals; null stands for an infinity. Cases of other head sizes run in the reference algorithm only, so that no kernels
are compiled for them.
"""

import importlib.util
import json
import math
import pathlib

import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent
spec = importlib.util.spec_from_file_location("vectors", HERE / "make-torch-vectors.py")
vectors = importlib.util.module_from_spec(spec)
spec.loader.exec_module(vectors)


def numbers(tensor):
    return [float(f"{x:.7g}") if math.isfinite(x) else None for x in tensor.detach().flatten().tolist()]


def lower(Nq, Nk, shift):
    """Allowed pairs j <= i + shift."""
    return torch.ones(Nq, Nk).tril(shift).bool()


def upper(Nq, Nk, shift):
    """Allowed pairs j >= i + shift."""
    return torch.ones(Nq, Nk).triu(shift).bool()


def bottom_right(Nq, Nk, causal=False, window=(-1, -1)):
    """flash-attn's causal mask and window, shifted so that the last query is level with the last key."""
    shift = Nk - Nq
    left, right = window
    allowed = torch.ones(Nq, Nk).bool()
    if causal:
        allowed &= lower(Nq, Nk, shift)
    if left >= 0:
        allowed &= upper(Nq, Nk, shift - left)
    if right >= 0:
        allowed &= lower(Nq, Nk, shift + right)
    return allowed


def formula(q, k, v, *, scale=None, allowed=None, bias=None, softcap=0.0, slopes=None, dropout=None, first=0):
    """out (B,H,Nq,Dv) and lse (B,H,Nq) of q (B,H,Nq,D), k and v with the heads of q or fewer."""
    B, H, Nq, D = q.shape
    Nk = k.shape[2]
    k, v = (x.repeat_interleave(H // x.shape[1], dim=1) for x in (k, v))
    scores = q @ k.transpose(-1, -2) * (1 / math.sqrt(D) if scale is None else scale)
    if softcap > 0:
        scores = softcap * torch.tanh(scores / softcap)
    if slopes is not None:
        distance = torch.arange(Nq)[:, None] + Nk - Nq - torch.arange(Nk)
        scores = scores - slopes.expand(B, H)[:, :, None, None] * distance.abs()
    if bias is not None:
        scores = scores + bias
    if allowed is not None:
        scores = scores.masked_fill(~allowed, -math.inf)
    empty = (scores == -math.inf).all(-1, keepdim=True) if Nk else torch.ones(B, H, Nq, 1, dtype=torch.bool)
    weights = torch.where(empty, 0.0, torch.softmax(torch.where(empty, 0.0, scores), dim=-1))
    if dropout:
        p, seed = dropout
        kept = [[[[vectors.keeps(seed, p, first + b, h, i, j) for j in range(Nk)] for i in range(Nq)] for h in range(H)]
                for b in range(B)]  # fmt: skip
        weights = weights * torch.tensor(kept, dtype=q.dtype).reshape(weights.shape) / (1 - p)
    return weights @ v, torch.logsumexp(scores, dim=-1)


def swap(x):
    return x.transpose(1, 2)


# ---- PyTorch


def sdpa(t, o):
    """The real function. Its masks broadcast as PyTorch says."""
    q, k, v, mask = t["q"], t["k"], t["v"], t.get("attnMask")
    how = dict(attn_mask=mask, is_causal=o.get("isCausal", False), scale=o.get("scale"), enable_gqa=o.get("enableGqa", False))
    Nq, Nk = q.shape[-2], k.shape[-2]
    scale = 1 / math.sqrt(q.shape[-1]) if o.get("scale") is None else o["scale"]
    keys = k.repeat_interleave(q.shape[-3] // k.shape[-3], -3) if how["enable_gqa"] else k
    scores = q @ keys.transpose(-1, -2) * scale
    if how["is_causal"]:
        scores = scores.masked_fill(~lower(Nq, Nk, 0), -math.inf)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask
    lse = torch.logsumexp(scores, dim=-1)
    if o.get("dropoutP"):
        allowed = lower(Nq, Nk, 0) if how["is_causal"] else None
        return formula(q, k, v, scale=scale, allowed=allowed, dropout=(o["dropoutP"], o["seed"]))[0], lse
    out = F.scaled_dot_product_attention(q, k, v, **how)
    assert (out[lse == -math.inf] == 0).all()
    return out, lse


# ---- flash-attn


def flash_options(o, Nq, Nk):
    return dict(
        scale=o.get("softmaxScale"),
        allowed=bottom_right(Nq, Nk, o.get("causal", False), o.get("windowSize", (-1, -1))),
        softcap=o.get("softcap", 0.0),
        slopes=torch.tensor(o["alibiSlopes"], dtype=torch.float64) if "alibiSlopes" in o else None,
        dropout=(o["dropoutP"], o["seed"]) if o.get("dropoutP") else None,
    )


def flash(q, k, v, o):
    out, lse = formula(swap(q), swap(k), swap(v), **flash_options(o, q.shape[1], k.shape[1]))
    return swap(out), lse


def flash_varlen(q, k, v, o, starts_q, starts_k):
    outs, lses = [], []
    for b, (q0, q1, k0, k1) in enumerate(zip(starts_q, starts_q[1:], starts_k, starts_k[1:])):
        own = dict(flash_options(o, q1 - q0, k1 - k0), first=b)
        if own["slopes"] is not None and own["slopes"].dim() == 2:
            own["slopes"] = own["slopes"][b : b + 1]
        out, lse = formula(*(x.transpose(0, 1)[None] for x in (q[q0:q1], k[k0:k1], v[k0:k1])), **own)
        outs.append(out[0].transpose(0, 1))
        lses.append(lse[0])
    return torch.cat(outs), torch.cat(lses, dim=-1)


FLASH = dict(
    flashAttnFunc=lambda t, o: flash(t["q"], t["k"], t["v"], o),
    flashAttnQkvpackedFunc=lambda t, o: flash(*t["qkv"].unbind(2), o),
    flashAttnKvpackedFunc=lambda t, o: flash(t["q"], *t["kv"].unbind(2), o),
    flashAttnVarlenFunc=lambda t, o: flash_varlen(t["q"], t["k"], t["v"], o, o["cuSeqlensQ"], o["cuSeqlensK"]),
    flashAttnVarlenQkvpackedFunc=lambda t, o: flash_varlen(*t["qkv"].unbind(1), o, o["cuSeqlens"], o["cuSeqlens"]),
    flashAttnVarlenKvpackedFunc=lambda t, o: flash_varlen(
        t["q"], *t["kv"].unbind(1), o, o["cuSeqlensQ"], o["cuSeqlensK"]
    ),
)


# ---- xformers


def blocks(lengths_q, lengths_k, block):
    allowed = torch.zeros(sum(lengths_q), sum(lengths_k)).bool()
    i = j = 0
    for nq, nk in zip(lengths_q, lengths_k):
        allowed[i : i + nq, j : j + nk] = block(nq, nk)
        i, j = i + nq, j + nk
    return allowed


ALL = lambda nq, nk: torch.ones(nq, nk).bool()
TOP_LEFT = lambda nq, nk: lower(nq, nk, 0)
BOTTOM_RIGHT = lambda nq, nk: lower(nq, nk, nk - nq)

BIASES = dict(
    LowerTriangularMask=lambda M, N: TOP_LEFT(M, N),
    LowerTriangularMaskWithTensorBias=lambda M, N: TOP_LEFT(M, N),
    LowerTriangularFromBottomRightMask=lambda M, N: BOTTOM_RIGHT(M, N),
    LocalAttentionFromBottomRightMask=lambda M, N, left, right: bottom_right(M, N, window=(left, right)),
    BlockDiagonalMask=lambda M, N, lq, lk: blocks(lq, lk or lq, ALL),
    BlockDiagonalCausalMask=lambda M, N, lq, lk: blocks(lq, lk or lq, TOP_LEFT),
    BlockDiagonalCausalFromBottomRightMask=lambda M, N, lq, lk: blocks(lq, lk or lq, BOTTOM_RIGHT),
)


def xformers(t, o, kind=None, arguments=()):
    q, k, v, bias = t["q"], t["k"], t["v"], t.get("attnBias")
    shape = q.shape
    if q.dim() == 3:
        q, k, v = (x[:, :, None] for x in (q, k, v))
        bias = None if bias is None else bias[:, None]
    grouped = q.dim() == 5
    if grouped:
        k, v = (x.expand(*x.shape[:3], q.shape[3], x.shape[4]) for x in (k, v))
        q, k, v = (x.flatten(2, 3) for x in (q, k, v))
        bias = None if bias is None else bias.flatten(1, 2)
    M, N = q.shape[1], k.shape[1]
    allowed = BIASES[kind](M, N, *arguments) if kind else None
    dropout = (o["p"], o["seed"]) if o.get("p") else None
    out, lse = formula(swap(q), swap(k), swap(v), scale=o.get("scale"), allowed=allowed, bias=bias, dropout=dropout)
    out = swap(out).reshape(*shape[:-1], v.shape[-1])
    return out, lse.unflatten(1, shape[2:4]) if grouped else lse


ALIBI_BH = [[0.25, 1.5], [0.5, 0.125]]

# (what the case shows, function, shapes of its tensors, options[, bias class, its arguments])
CASES = [
    ("plain", "sdpa", dict(q=[2, 2, 3, 4], k=[2, 2, 5, 4], v=[2, 2, 5, 4]), {}),
    ("scale, Dv != D", "sdpa", dict(q=[1, 2, 3, 3], k=[1, 2, 5, 3], v=[1, 2, 5, 5]), dict(scale=-0.6, algorithm="reference")),
    ("causal, fewer queries", "sdpa", dict(q=[1, 2, 3, 4], k=[1, 2, 6, 4], v=[1, 2, 6, 4]), dict(isCausal=True)),
    ("causal, more queries", "sdpa", dict(q=[1, 2, 7, 4], k=[1, 2, 4, 4], v=[1, 2, 4, 4]), dict(isCausal=True)),
    ("grouped heads, causal", "sdpa", dict(q=[2, 4, 5, 4], k=[2, 2, 3, 4], v=[2, 2, 3, 4]), dict(enableGqa=True, isCausal=True)),
    ("boolean mask, an empty row", "sdpa", dict(q=[2, 2, 4, 4], k=[2, 2, 5, 4], v=[2, 2, 5, 4], attnMask=["bool", 2, 1, 4, 5]), {}),
    ("float mask with -Infinity", "sdpa", dict(q=[2, 2, 4, 4], k=[2, 2, 5, 4], v=[2, 2, 5, 4], attnMask=["float", 4, 5]), {}),
    ("float mask per head", "sdpa", dict(q=[2, 2, 3, 4], k=[2, 2, 5, 4], v=[2, 2, 5, 4], attnMask=["float", 2, 1, 5]), {}),
    ("dropout, causal", "sdpa", dict(q=[1, 2, 6, 4], k=[1, 2, 5, 4], v=[1, 2, 5, 4]), dict(dropoutP=0.4, seed=3, isCausal=True)),
    ("three axes, boolean mask of keys", "sdpa", dict(q=[2, 3, 4], k=[2, 5, 4], v=[2, 5, 4], attnMask=["bool", 1, 1, 5]), {}),
    ("two axes, causal", "sdpa", dict(q=[5, 4], k=[3, 4], v=[3, 4]), dict(isCausal=True)),
    ("five axes, float mask", "sdpa", dict(q=[2, 2, 2, 2, 4], k=[2, 2, 1, 3, 4], v=[2, 2, 1, 3, 4], attnMask=["float", 2, 2, 1, 2, 3]), dict(enableGqa=True)),
    ("plain", "flashAttnFunc", dict(q=[2, 3, 2, 4], k=[2, 5, 2, 4], v=[2, 5, 2, 4]), dict(softmaxScale=0.8)),
    ("causal, fewer queries, grouped heads", "flashAttnFunc", dict(q=[1, 3, 4, 4], k=[1, 6, 2, 4], v=[1, 6, 2, 4]), dict(causal=True)),
    ("causal, more queries: empty rows", "flashAttnFunc", dict(q=[1, 6, 2, 4], k=[1, 4, 2, 4], v=[1, 4, 2, 4]), dict(causal=True)),
    ("window, softcap, ALiBi per batch", "flashAttnFunc", dict(q=[2, 4, 2, 4], k=[2, 6, 1, 4], v=[2, 6, 1, 4]),
     dict(windowSize=[2, 1], softcap=1.5, alibiSlopes=ALIBI_BH)),
    ("causal window, dropout", "flashAttnFunc", dict(q=[2, 4, 2, 4], k=[2, 5, 2, 4], v=[2, 5, 2, 4]),
     dict(windowSize=[2, 3], causal=True, dropoutP=0.3, seed=11)),
    ("window, ALiBi per head", "flashAttnQkvpackedFunc", dict(qkv=[2, 5, 3, 2, 4]), dict(windowSize=[1, -1], alibiSlopes=[0.5, 0.25])),
    ("causal, grouped heads, softcap", "flashAttnKvpackedFunc", dict(q=[2, 4, 4, 4], kv=[2, 6, 2, 2, 4]), dict(causal=True, softcap=2.0)),
    ("causal, an empty sequence, grouped heads", "flashAttnVarlenFunc", dict(q=[6, 4, 4], k=[9, 2, 4], v=[9, 2, 4]),
     dict(cuSeqlensQ=[0, 2, 2, 6], cuSeqlensK=[0, 5, 6, 9], maxSeqlenQ=4, maxSeqlenK=5, causal=True)),
    ("all features", "flashAttnVarlenFunc", dict(q=[6, 2, 4], k=[8, 2, 4], v=[8, 2, 4]),
     dict(cuSeqlensQ=[0, 4, 6], cuSeqlensK=[0, 3, 8], maxSeqlenQ=8, maxSeqlenK=8, windowSize=[3, 1], softcap=1.2, alibiSlopes=ALIBI_BH, dropoutP=0.25, seed=5)),
    ("causal", "flashAttnVarlenQkvpackedFunc", dict(qkv=[7, 3, 2, 4]), dict(cuSeqlens=[0, 3, 3, 7], maxSeqlen=4, causal=True)),
    ("window, grouped heads, dropout", "flashAttnVarlenKvpackedFunc", dict(q=[5, 4, 4], kv=[8, 2, 2, 4]),
     dict(cuSeqlensQ=[0, 3, 5], cuSeqlensK=[0, 2, 8], maxSeqlenQ=3, maxSeqlenK=6, windowSize=[2, 0], dropoutP=0.2, seed=8)),
    ("plain", "xformers", dict(q=[2, 3, 2, 3], k=[2, 5, 2, 3], v=[2, 5, 2, 5]), dict(scale=0.7, algorithm="reference")),
    ("bias, dropout", "xformers", dict(q=[2, 3, 2, 4], k=[2, 5, 2, 4], v=[2, 5, 2, 4], attnBias=["float", 2, 2, 3, 5]), dict(p=0.3, seed=21)),
    ("fewer queries", "xformers", dict(q=[1, 3, 2, 4], k=[1, 6, 2, 4], v=[1, 6, 2, 4]), {}, "LowerTriangularMask"),
    ("more queries", "xformers", dict(q=[1, 7, 2, 4], k=[1, 4, 2, 4], v=[1, 4, 2, 4]), {}, "LowerTriangularMask"),
    ("more queries", "xformers", dict(q=[1, 6, 2, 4], k=[1, 4, 2, 4], v=[1, 4, 2, 4], attnBias=["float", 1, 2, 6, 4]), {}, "LowerTriangularMaskWithTensorBias"),
    ("fewer queries", "xformers", dict(q=[1, 3, 2, 4], k=[1, 6, 2, 4], v=[1, 6, 2, 4]), {}, "LowerTriangularFromBottomRightMask"),
    ("unequal lengths", "xformers", dict(q=[1, 5, 2, 4], k=[1, 7, 2, 4], v=[1, 7, 2, 4]), {}, "LocalAttentionFromBottomRightMask", [2, 1]),
    ("lengths of keys alike", "xformers", dict(q=[1, 6, 2, 4], k=[1, 6, 2, 4], v=[1, 6, 2, 4]), {}, "BlockDiagonalMask", [[2, 4], None]),
    ("unequal lengths", "xformers", dict(q=[1, 6, 2, 4], k=[1, 8, 2, 4], v=[1, 8, 2, 4]), {}, "BlockDiagonalMask", [[2, 4], [5, 3]]),
    ("fewer and more queries", "xformers", dict(q=[1, 9, 2, 4], k=[1, 9, 2, 4], v=[1, 9, 2, 4]), {}, "BlockDiagonalCausalMask", [[2, 5, 2], [5, 2, 2]]),
    ("fewer and more queries", "xformers", dict(q=[1, 9, 2, 4], k=[1, 9, 2, 4], v=[1, 9, 2, 4]), {}, "BlockDiagonalCausalFromBottomRightMask", [[2, 5, 2], [5, 2, 2]]),
    ("one head", "xformers", dict(q=[2, 5, 4], k=[2, 3, 4], v=[2, 3, 4]), {}, "LowerTriangularMask"),
    ("one head, bias", "xformers", dict(q=[2, 2, 4], k=[2, 3, 4], v=[2, 3, 4], attnBias=["float", 2, 2, 3]), {}),
    ("groups", "xformers", dict(q=[1, 4, 2, 2, 4], k=[1, 3, 2, 1, 4], v=[1, 3, 2, 1, 4], attnBias=["float", 1, 2, 2, 4, 3]), {}, "LowerTriangularMaskWithTensorBias"),
    ("groups in blocks", "xformers", dict(q=[1, 5, 2, 2, 4], k=[1, 6, 2, 1, 4], v=[1, 6, 2, 1, 4]), {}, "BlockDiagonalCausalMask", [[2, 3], [4, 2]]),
]  # fmt: skip

PUBLIC = dict(sdpa="scaledDotProductAttention", xformers="memoryEfficientAttention")


def make(index, title, function, shapes, options, kind=None, arguments=()):
    generator = torch.Generator().manual_seed(index)
    tensors = {}
    for name, shape in shapes.items():
        if shape[0] == "bool":
            tensors[name] = torch.rand(*shape[1:], generator=generator) < 0.6
            if shape[-2] > 1:
                tensors[name][..., 1, :] = False
        elif shape[0] == "float":
            tensors[name] = vectors.draw(generator, *shape[1:])
            if shape[-2] > 1:
                tensors[name][..., 0, 1] = -math.inf
        else:
            tensors[name] = vectors.draw(generator, *shape)
    leaves = {name: t.requires_grad_() for name, t in tensors.items() if t.dtype != torch.bool}
    if function == "sdpa":
        out, lse = sdpa(tensors, options)
    elif function == "xformers":
        out, lse = xformers(tensors, options, kind, arguments)
    else:
        out, lse = FLASH[function](tensors, options)
    dout = vectors.draw(generator, *out.shape)
    grads = torch.autograd.grad(out, list(leaves.values()), dout)
    assert all(g.isfinite().all() for g in grads)
    names = {"attnMask": "dbias", "attnBias": "dbias"}
    describe = lambda t: dict(shape=list(t.shape), data=numbers(t.to(torch.float64)))
    return dict(
        name=f"{title}{f', {kind}' if kind else ''}",
        call=PUBLIC.get(function, function),
        tensors={
            name: dict(describe(t), **(dict(dtype="bool") if t.dtype == torch.bool else {})) for name, t in tensors.items()
        },
        options=options,
        **(dict(bias=dict(kind=kind, arguments=list(arguments))) if kind else {}),
        dout=numbers(dout),
        expected=dict(
            out=describe(out),
            lse=describe(lse),
            **{names.get(name, f"d{name}"): describe(g) for name, g in zip(leaves, grads)},
        ),
    )


def main():
    cases = [make(index, *case) for index, case in enumerate(CASES)]
    header = json.dumps(dict(torch=torch.__version__.split("+")[0]))[:-1]
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    path = HERE / "compat-vectors.json"
    path.write_text(f'{header}, "cases": [\n{lines}\n]}}\n')
    print(f"{path.name}: {len(cases)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
