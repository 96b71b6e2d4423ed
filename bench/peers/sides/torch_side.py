"""PyTorch's attention kernels for torch.mjs: reads a command a line, answers with a line of JSON."""

import json
import sys
from pathlib import Path

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

BACKENDS = {
    "flash": SDPBackend.FLASH_ATTENTION,
    "cudnn": SDPBackend.CUDNN_ATTENTION,
    "efficient": SDPBackend.EFFICIENT_ATTENTION,
    "math": SDPBackend.MATH,
}
DTYPES = {"f32": torch.float32, "f16": torch.float16}


def prepare(shape, causal, dtype, backend, folder, **case):
    """What one run does, once its results have been written to the folder."""
    batch, heads, kv_heads, queries, keys, dim = shape
    sizes = {"q": (heads, queries), "k": (kv_heads, keys), "v": (kv_heads, keys), "dout": (heads, queries)}
    backward = case["pass"] == "backward"

    def read(name):
        numbers = torch.frombuffer(bytearray(Path(folder, name).read_bytes()), dtype=torch.float32)
        tensor = numbers.reshape(batch, *sizes[name], dim).to("cuda", DTYPES[dtype])
        return tensor.requires_grad_(backward and name != "dout")

    q, k, v = (read(name) for name in "qkv")
    dout = read("dout") if backward else None

    def forward():
        with sdpa_kernel(BACKENDS[backend]):
            return scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=heads != kv_heads)

    out = forward()

    def gradients():
        return torch.autograd.grad(out, (q, k, v), dout, retain_graph=True)

    results = dict(zip(("dq", "dk", "dv"), gradients())) if backward else {"out": out}
    for name, tensor in results.items():
        Path(folder, name).write_bytes(tensor.detach().float().cpu().numpy().tobytes())
    return gradients if backward else forward


def milliseconds(run):
    """The GPU's time of one run."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    run()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end)


def main():
    run = None
    for line in sys.stdin:
        case = json.loads(line)
        try:
            if case.pop("command") == "prepare":
                run = prepare(**case)
                answer = {}
            else:
                answer = {"ms": milliseconds(run)}
        except Exception as error:  # Told to the other side, which leaves this case out.
            answer = {"error": str(error).splitlines()[0]}
        print(json.dumps(answer), flush=True)


main()
