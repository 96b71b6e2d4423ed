"""Run lessons of the course with their solutions, and tell each as a JSON object on a line of its own.

    python run.py [--all] [--out DIR] [NUMBER ...]

--all: the Chinese ones, too. --out: keep what ran there. NUMBER: only these lessons, such as 03.
"""

import argparse
import json
import sys
from pathlib import Path

import nbformat
from lesson import NOTEBOOKS, LessonError, complaints, exercises, lessons, run, solved


def report(lesson: Path, out: Path | None) -> dict:
    name = lesson.relative_to(NOTEBOOKS).as_posix()
    notebook = solved(lesson)
    try:
        seconds = run(notebook, lesson)
    finally:
        if out:
            file = out / name
            file.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, file)
    errors = complaints(notebook)
    if errors:
        raise LessonError(f"{name}: {errors[0]}")
    cells = sum(1 for cell in notebook.cells if cell.cell_type == "code")
    return dict(notebook=name, cells=cells, seconds=round(seconds, 1), exercises=list(exercises(notebook)), ok=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="npm run course --")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("numbers", nargs="*")
    options = parser.parse_args()
    failed = 0
    for lesson in lessons(("en", "zh") if options.all else ("en",)):
        if options.numbers and lesson.name[:2] not in options.numbers:
            continue
        try:
            row = report(lesson, options.out)
        except LessonError as error:
            failed += 1
            row = dict(notebook=lesson.relative_to(NOTEBOOKS).as_posix(), ok=False, error=str(error))
        print(json.dumps(row), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
