"""docs/algorithms.md, made from the catalogue: ``python -m oddline.catalog.page > docs/algorithms.md``."""

from __future__ import annotations

from collections.abc import Iterator

from oddline.catalog.algorithms import ALGORITHMS, Algorithm
from oddline.catalog.labelings import LABELINGS
from oddline.catalog.parameters import PARAMETERS

__all__ = ["page"]

_HEAD = """\
# Algorithms, label methods and parameters

Made from the catalogue by `python -m oddline.catalog.page > docs/algorithms.md`; a test holds it to that.

A detection is a pipeline (`algorithm_type`) with an estimator inside (`anomaly_estimator`), which gives each
row a score, and a label method (`labeling_method`), which draws the line. n is the number of rows, L the
look-back window, d the number of columns."""


def page() -> str:
    """The page as Markdown.

    >>> page().splitlines()[0]
    '# Algorithms, label methods and parameters'
    """
    lines = [_HEAD, ""]
    for algorithm in ALGORITHMS:
        lines += [*_algorithm(algorithm), ""]
    lines += ["## Label methods", "", "Those marked * were the hosted service's.", ""]
    lines += ["| method | line | what it does | `labeling_threshold` is | source |", "|---|---|---|---|---|"]
    for method in LABELINGS:
        kind = "moves" if method.dynamic else "one for all rows"
        star, sources = "*" if method.ibm else "", "; ".join(method.papers)
        lines.append(f"| `{method.name}`{star} | {kind} | {method.blurb} | {method.threshold} | {sources} |")
    lines += ["", "## Parameters", "", "| parameter | short | legal values | default | what it is |"]
    lines.append("|---|---|---|---|---|")
    for item in PARAMETERS.values():
        short = f"`{item.short}`" if item.short else ""
        default = "" if item.default is None else f"`{item.default}`"
        lines.append(f"| `{item.name}` | {short} | {item.range} | {default} | {item.help} |")
    return "\n".join(lines) + "\n"


def _algorithm(algorithm: Algorithm) -> Iterator[str]:
    yield f"## {algorithm.name}"
    yield ""
    yield algorithm.blurb
    if algorithm.aliases:
        yield f"Also understood: {', '.join(f'`{alias}`' for alias in algorithm.aliases)}."
    if algorithm.lane != "cpu":
        yield f"Its jobs wait in the {algorithm.lane.upper()} lane."
    yield ""
    yield "| estimator | what it is | finds | misses | cost | source |"
    yield "|---|---|---|---|---|---|"
    for item in algorithm.estimators:
        names = ", ".join(f"`{name}`" for name in (item.name, *item.aliases))
        sources = "; ".join(item.papers)
        yield f"| {names} | {item.blurb} | {item.finds} | {item.misses} | {item.cost} | {sources} |"


if __name__ == "__main__":
    print(page(), end="")
