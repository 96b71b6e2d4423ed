"""`python -m jupyterlab_flashlab kernel CONNECTION_FILE` starts the notebook kernel; any other words are a command of flashlab,
such as `doctor`. `setup` only fetches what the kernel needs, `setup --sys-prefix` for all users of this environment.
"""

import os
import subprocess
import sys

from .node import Problem, find_node, prepare


def run(argv):
    """Becomes the Node program, so that signals reach it; on Windows, waits for it."""
    if os.name == "nt":
        sys.exit(subprocess.call(argv))
    os.execv(argv[0], argv)


def main():
    command, *rest = sys.argv[1:] or ["--help"]
    if command == "setup" and rest not in ([], ["--sys-prefix"]):
        sys.exit("usage: python -m jupyterlab_flashlab setup [--sys-prefix]")
    try:
        node = find_node()
        folder = prepare(node, for_all=command == "setup" and bool(rest))
    except Problem as problem:
        if command == "kernel":
            from .problem_kernel import explain

            explain(str(problem), rest[0])
            return
        sys.exit(f"flashlab: {problem}")
    # A notebook that wants pip asks this environment's.
    os.environ.setdefault("FLASH_PYTHON", sys.executable)
    if command == "kernel":
        # The flag lets the kernel end a busy loop without Node taking its own books for damaged.
        run([node, "--no-force-async-hooks-checks", str(folder / "bin" / "kernel.js"), *rest])
    elif command != "setup":
        run([node, str(folder / "bin" / "flashlab.js"), command, *rest])


if __name__ == "__main__":
    main()
