"""Lessons of the course with their solutions: put together, and run from top to bottom."""

import re
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


class LessonError(Exception):
    """What is wrong with a lesson, for people."""


def lessons(languages=("en",)) -> list[Path]:
    """The notebooks of the course in order, a language after the other."""
    folders = {"en": NOTEBOOKS, "zh": NOTEBOOKS / "zh"}
    return [file for language in languages for file in sorted(folders[language].glob("[0-9][0-9]-*.ipynb"))]


def exercises(notebook) -> dict:
    """The cells in which the reader writes, by the names of their exercises."""
    marked = [(cell.metadata.get("nbgrader", {}), cell) for cell in notebook.cells]
    return {mark["grade_id"]: cell for mark, cell in marked if mark.get("solution")}


def solutions_of(lesson: Path) -> dict[str, str]:
    """The code that solves each exercise of a lesson; the languages share it."""
    file = NOTEBOOKS / "solutions" / lesson.name
    if not file.exists():
        return {}
    marked = [(cell.metadata.get("flashlab", {}), cell) for cell in nbformat.read(file, as_version=4).cells]
    return {mark["solution"]: cell.source for mark, cell in marked if "solution" in mark}


def solved(lesson: Path):
    """The lesson with the solutions in the places of the stubs."""
    notebook = nbformat.read(lesson, as_version=4)
    solutions = solutions_of(lesson)
    stubs = exercises(notebook)
    if stubs.keys() != solutions.keys():
        odd = ", ".join(sorted(stubs.keys() ^ solutions.keys()))
        raise LessonError(f"{lesson.name}: these are an exercise or a solution, but not both: {odd}")
    for name, cell in stubs.items():
        cell.source = solutions[name]
    return notebook


def run(notebook, lesson: Path) -> float:
    """Run all cells where the lesson lies; returns seconds. The outputs are left in the notebook."""
    began = time.monotonic()
    client = NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(lesson.parent)}})
    # What a driver says while it starts is of interest only where the kernel does not live.
    with tempfile.TemporaryFile("w+") as log:
        try:
            client.execute(stderr=log)
        except CellExecutionError as error:
            raise LessonError(f"{lesson.name}: {COLOURS.sub('', error.traceback)}") from None
        except (DeadKernelError, RuntimeError) as error:  # died, or never answered
            log.seek(0)
            raise LessonError(f"{lesson.name}: {error}\n{log.read()[-2000:]}") from None
    return time.monotonic() - began


def complaints(notebook) -> list[str]:
    """What a run that should be spotless wrote to stderr: an exercise that is not done, a warning."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output.text for output in outputs if output.output_type == "stream" and output.name == "stderr"]
