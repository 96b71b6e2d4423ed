"""Run one notebook from top to bottom and print its text outputs as they come; the notebook file is not changed.

    python run_notebook.py NOTEBOOK [CODE TO RUN BEHIND ITS PARAMETERS]

Exit code 0: every cell ran; 1: a cell failed (its error is printed) or the kernel died; 2: not a notebook.
"""

import re
import sys
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def show(text: str) -> None:
    """Print text, with its colours only where a person looks at a terminal."""
    if not sys.stdout.isatty():
        text = COLOURS.sub("", text)
    print(text, end="" if text.endswith("\n") else "\n", flush=True)


def show_outputs(cell, cell_index: int, **_) -> None:
    """Print what a cell left: streams, and the text form of results and displays."""
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            show(output.text)
        elif output.output_type == "error":
            continue  # told once, by main
        elif "text/plain" in output.data:
            show(output.data["text/plain"])
        else:
            show(f"[output without a text form: {', '.join(output.data)}]")


def inject(notebook, code: str) -> None:
    """Add the code behind the cell tagged 'parameters', or above all cells, as papermill does; once more takes its place."""
    tagged = lambda tag: [n for n, cell in enumerate(notebook.cells) if tag in cell.metadata.get("tags", [])]
    for n in reversed(tagged("injected-parameters")):
        del notebook.cells[n]
    cell = nbformat.v4.new_code_cell(code, metadata={"tags": ["injected-parameters"]})
    notebook.cells.insert(max(tagged("parameters"), default=-1) + 1, cell)


def doubts(notebook, code: str) -> list[str]:
    """What is odd about these parameters: they run all the same."""
    tagged = [cell.source for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    if not tagged:
        return ["no cell is tagged 'parameters'; the values stand above all cells, which may set them anew."]
    names = re.findall(r"^const (\w+)", code, re.MULTILINE)
    known = set(re.findall(r"\b(?:const|let|var)\s+(\w+)", "\n".join(tagged)))
    return [f"the cell tagged 'parameters' has no {name}." for name in names if name not in known]


def main(file: Path, parameters: str = "") -> int:
    try:
        notebook = nbformat.read(file, as_version=4)
    except Exception as error:  # nbformat raises many kinds; all mean the same here
        print(f"{file} is not a notebook: {error}", file=sys.stderr)
        return 2
    if parameters:
        for warning in doubts(notebook, parameters):
            print(f"Warning: {warning}", file=sys.stderr)
        inject(notebook, parameters)
    folder = {"metadata": {"path": str(file.parent)}}
    client = NotebookClient(notebook, timeout=None, resources=folder, on_cell_executed=show_outputs)
    try:
        client.execute()
    except CellExecutionError as error:
        show(error.traceback)
        print(f"A cell of {file.name} failed: {error.ename}: {COLOURS.sub('', error.evalue)}", file=sys.stderr)
        return 1
    except DeadKernelError:
        print(f"The kernel of {file.name} died.", file=sys.stderr)
        return 1
    except NoSuchKernel as error:
        print(f"{file.name} wants the kernel '{error.name}', which is not installed.", file=sys.stderr)
        return 1
    own = lambda cell: "injected-parameters" not in cell.metadata.get("tags", [])
    cells = sum(1 for cell in notebook.cells if cell.cell_type == "code" and own(cell))
    print(f"{file.name}: {cells} code cells ran without an error.", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
