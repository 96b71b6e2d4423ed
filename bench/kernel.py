"""Start, cells and completion of our notebook kernel beside tslab's own, in turns, in one run.

    python kernel.py NODE FLASHLAB_KERNEL TSLAB [ROUNDS]
    python kernel.py NODE FLASHLAB_KERNEL TSLAB memory [CELLS]

Called by kernel.mjs. Times are medians in milliseconds, as a front end sees them: from the request to its reply. With
`memory`, the memory of each process after so many cells that declare the same names anew (Linux).
"""

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

TIMEOUT = 120
REPEATS = 30


def write_specs(folder, node, flashlab, tslab):
    commands = {
        "flashlab": [node, "--no-force-async-hooks-checks", flashlab, "{connection_file}"],
        "tslab": [node, tslab, "kernel", "--config-path", "{connection_file}"],
    }
    for name, argv in commands.items():
        spec = Path(folder) / "kernels" / name
        spec.mkdir(parents=True)
        (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": name, "language": "typescript"}))
    return list(commands)


def reply(client, msg_id):
    while (message := client.get_shell_msg(timeout=TIMEOUT))["parent_header"].get("msg_id") != msg_id:
        pass
    return message["content"]


def timed(call):
    began = time.perf_counter()
    content = call()
    assert content["status"] == "ok", content
    return 1000 * (time.perf_counter() - began)


def measure(name):
    from jupyter_client.manager import start_new_kernel

    began = time.perf_counter()
    manager, client = start_new_kernel(kernel_name=name, startup_timeout=TIMEOUT)
    start = 1000 * (time.perf_counter() - began)
    execute = lambda code: timed(lambda: reply(client, client.execute(code)))
    complete = lambda code: timed(lambda: reply(client, client.complete(code, len(code))))
    inspect = lambda code: timed(lambda: reply(client, client.inspect(code, len(code))))
    try:
        times = {"start, until ready": [start], "first cell": [execute("const list = [1, 2, 3];")]}
        complete("list.")
        times["empty cell"] = [execute("") for _ in range(REPEATS)]
        times["cell: list.length"] = [execute("list.length") for _ in range(REPEATS)]
        loop = "let sum = 0; for (let i = 0; i < 1e6; i++) sum += i;"
        times["cell: 1e6 turns"] = [execute(loop) for _ in range(5)]
        times["completion: list.ma"] = [complete("list.ma") for _ in range(REPEATS)]
        times["inspection: list"] = [inspect("list") for _ in range(REPEATS)]
        return times
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def resident(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def measure_memory(name, cells):
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name=name, startup_timeout=TIMEOUT)
    found = {}
    try:
        for cell in range(1, cells + 1):
            code = f"let value = {cell};\nconst list = Array.from({{ length: 100 }}, (_, n) => n + value);\nlist.length"
            timed(lambda: reply(client, client.execute(code)))
            while client.iopub_channel.msg_ready():
                client.get_iopub_msg()
            if cell in (cells // 10, cells):
                found[f"after {cell} cells"] = [resident(manager.provisioner.process.pid)]
        return found
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def main(node, flashlab, tslab, what="5", cells="10000"):
    with tempfile.TemporaryDirectory() as folder:
        os.environ["JUPYTER_PATH"] = folder
        os.environ["FLASH_HISTORY"] = "off"
        os.chdir(folder)
        names = write_specs(folder, node, flashlab, tslab)
        found = {name: {} for name in names}
        memory = what == "memory"
        for _ in range(1 if memory else int(what)):
            for name in names:
                for row, values in (measure_memory(name, int(cells)) if memory else measure(name)).items():
                    found[name].setdefault(row, []).extend(values)
    print(f"{'MiB' if memory else 'median, ms':22}{'flashlab':>10}{'tslab':>10}{'tslab / flashlab':>18}")
    for row in found["flashlab"]:
        ours, theirs = (statistics.median(found[name][row]) for name in ("flashlab", "tslab"))
        print(f"{row:22}{ours:10.1f}{theirs:10.1f}{theirs / ours:18.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
