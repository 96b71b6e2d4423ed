"""Finds Node, and the kernel with its npm packages.

The packages have native parts for every platform, which weigh more than a wheel may: npm fetches them once, the versions and
digests being those of the lock file in this wheel, into Jupyter's data folder or, for all users, into the environment.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir

from . import __version__

OLDEST = (20, 19)
SOURCE = Path(__file__).parent / "node_kernel"


class Problem(Exception):
    """Why the kernel cannot start, and what mends it."""


def find_node():
    """The path of a Node that is new enough: FLASHLAB_NODE, else the first on PATH."""
    wanted = f"Node {OLDEST[0]}.{OLDEST[1]} or newer"
    mend = f"Install {wanted} so that `node` is on the PATH of Jupyter, or name it by FLASHLAB_NODE."
    node = os.environ.get("FLASHLAB_NODE") or shutil.which("node")
    if not node:
        raise Problem(f"{wanted} is needed, and there is no `node` on PATH. {mend}")
    try:
        version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise Problem(f"{node} does not run: {error}. {mend}") from error
    found = re.match(r"v(\d+)\.(\d+)", version)
    if not found or tuple(map(int, found.groups())) < OLDEST:
        raise Problem(f"{node} is {version.strip()}; {wanted} is needed. {mend}")
    return node


def prepare(node, for_all=False):
    """The folder of the kernel with its packages; fetches them where that has not been done.

    They are looked for in this environment, where an administrator may have put them for all its users (for_all does), then in
    the user's own data folder.
    """
    name = f"kernel-{__version__}-{(SOURCE / 'digest').read_text()}"
    shared = Path(sys.prefix) / "share" / "flashlab" / name
    own = Path(jupyter_data_dir()) / "flashlab" / name
    folder = shared if for_all or os.access(shared / "package.json", os.R_OK) else own
    if (folder / "package.json").exists():
        return folder
    npm = shutil.which("npm", path=os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")]))
    if not npm:
        raise Problem(f"npm, which comes with Node, is not beside {node} and not on PATH; it fetches the kernel's packages once.")
    if for_all:
        os.umask(0o022)  # others must be able to read it
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix="new-", dir=folder.parent))
    except OSError as error:
        raise Problem(f"the kernel's packages cannot be put into {folder.parent}: {error}") from error
    try:
        shutil.copytree(SOURCE, fresh, dirs_exist_ok=True)
        print("flashlab: fetching the kernel's npm packages, once …", file=sys.stderr, flush=True)
        command = [npm, "ci", "--omit=dev", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=fresh, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            last = "\n".join(done.stdout.strip().splitlines()[-15:])
            raise Problem(
                f"npm could not fetch the kernel's packages. Mend what it says and run `{sys.executable} -m jupyterlab_flashlab "
                f"setup`, or start the kernel again:\n{last}"
            )
        if for_all:
            fresh.chmod(0o755)  # temporary folders are their maker's alone
        try:
            fresh.rename(folder)
        except OSError:
            # Another kernel that started at the same time was first.
            if not folder.exists():
                raise
        return folder
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
