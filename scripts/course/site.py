"""Make the course a site: what run.py kept, as HTML pages with figures and formulas that need no network.

    python site.py EXECUTED SITE NODE_MODULES

EXECUTED: the folder that `run.py --out` wrote. SITE: the folder to write. NODE_MODULES: where mathjax and plotly.js lie.
"""

import html
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from lesson import NOTEBOOKS, exercises
from nbconvert import HTMLExporter
from nbconvert.filters import Highlight2HTML, markdown2html

HERE = Path(__file__).parent
#: By this file a folder is known as a site that may be written anew.
MARK = ".flashlab-course"
PLOTLY = "application/vnd.plotly.v1+json"
WORDS = {
    "en": {"lang": "en", "home": "Contents", "solution": "Solution", "title": "FlashAttention, by hand and by WebGPU"},
    "zh": {"lang": "zh-CN", "home": "目录", "solution": "解答", "title": "FlashAttention：从手算到 WebGPU"},
}


def drawn(output):
    """A figure as a place for figures.js; other outputs stay as they are."""
    figure = output.get("data", {}).get(PLOTLY)
    if figure is None:
        return output
    # Nothing in it may look like the end of the script element, or the beginning of another.
    data = json.dumps(figure).replace("<", "\\u003c")
    place = f'<div class="flashlab-figure"><script type="application/json">{data}</script></div>'
    return nbformat.v4.new_output("display_data", {"text/html": place})


def fold_solutions(notebook, lesson: Path, words: dict) -> None:
    """Show the stub where the solution ran, with the solution folded away below it."""
    stubs = exercises(nbformat.read(lesson, as_version=4))
    for name, cell in exercises(notebook).items():
        code = Highlight2HTML(pygments_lexer="typescript")(cell.source)
        summary = f"<summary>{words['solution']}</summary>"
        folded = f'<details class="flashlab-solution">{summary}{code}</details>'
        cell.outputs.insert(0, nbformat.v4.new_output("display_data", {"text/html": folded}))
        cell.source = stubs[name].source


def first_lines(notebook) -> tuple[str, str]:
    """Title and goal of a lesson."""
    text = notebook.cells[0].source
    title = re.search(r"^# (.+)$", text, re.MULTILINE).group(1)
    goal = re.search(r"^\*\*[^*]+\*\*\s*(.+?)\n\s*\n", text, re.MULTILINE | re.DOTALL)
    return title, goal.group(1).replace("\n", " ") if goal else ""


def write_page(notebook, target: Path, root: str, navigation: str, lang: str = "en") -> None:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [drawn(output) for output in cell.outputs]
        else:
            cell.source = re.sub(r"\]\(([\w./-]+)\.ipynb", r"](\1.html", cell.source)
            # Files that are no pages stay with the notebooks.
            cell.source = re.sub(r"\[([^]\n]+)\]\([\w./-]*data/[^)]*\)", r"\1", cell.source)
    exporter = HTMLExporter(
        template_name="flashlab", extra_template_basedirs=[str(HERE / "templates")], language_code=lang
    )
    title = first_lines(notebook)[0]
    resources = {"site_root": root, "navigation": navigation, "metadata": {"name": title}}
    body, _ = exporter.from_notebook_node(notebook, resources=resources)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(body, encoding="utf-8")


def write_contents(target: Path, root: str, words: dict, lessons: list[tuple[str, str, str]], other: str) -> None:
    items = "\n".join(
        f'<li><a href="{page}">{html.escape(title)}</a>{markdown2html(goal)}</li>' for page, title, goal in lessons
    )
    target.write_text(
        f'<!doctype html><html lang="{words["lang"]}"><meta charset="utf-8"><title>{words["title"]}</title>'
        f'<link rel="stylesheet" href="{root}assets/site.css"><div class="flashlab-contents">'
        f"<h1>{words['title']}</h1>{other}<ul>{items}</ul></div></html>\n",
        encoding="utf-8",
    )


def main(executed: Path, target: Path, modules: Path) -> int:
    # The old site stays until the new one is whole.
    target.parent.mkdir(parents=True, exist_ok=True)
    site = Path(tempfile.mkdtemp(prefix=f"{target.name}-new-", dir=target.parent))
    site.chmod(0o755)  # temporary folders are their maker's alone
    try:
        build(executed, site, modules)
        shutil.rmtree(target, ignore_errors=True)
        site.rename(target)
    finally:
        shutil.rmtree(site, ignore_errors=True)
    print(f"{target / 'index.html'}")
    return 0


def build(executed: Path, site: Path, modules: Path) -> None:
    (site / MARK).touch()
    shutil.copytree(HERE / "assets", site / "assets")
    shutil.copy(modules / "mathjax" / "es5" / "tex-svg.js", site / "assets" / "tex-svg.js")
    shutil.copy(modules / "plotly.js" / "dist" / "plotly-cartesian.min.js", site / "assets" / "plotly.js")
    languages = {"en": executed, "zh": executed / "zh"}
    found = {language: sorted(folder.glob("[0-9][0-9]-*.ipynb")) for language, folder in languages.items()}
    for language, files in found.items():
        if not files:
            continue
        words = WORDS[language]
        root = "" if language == "en" else "../"
        home = f'<a href="index.html">{words["home"]}</a>'
        contents = []
        for file in files:
            name = file.relative_to(executed)
            notebook = nbformat.read(file, as_version=4)
            fold_solutions(notebook, NOTEBOOKS / name, words)
            page = f"{file.stem}.html"
            contents.append((page, *first_lines(notebook)))
            write_page(notebook, site / name.with_suffix(".html"), root, home, words["lang"])
        other = {"en": '<p><a href="zh/index.html">中文</a></p>', "zh": '<p><a href="../index.html">English</a></p>'}
        both = all(found.values())
        folder = site if language == "en" else site / "zh"
        write_contents(folder / "index.html", root, words, contents, other[language] if both else "")
    for file in sorted((NOTEBOOKS / "solutions").glob("*.ipynb")):
        notebook = nbformat.read(file, as_version=4)
        write_page(notebook, site / "solutions" / f"{file.stem}.html", "../", '<a href="../index.html">Contents</a>')


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
