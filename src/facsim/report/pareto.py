"""Speed against fidelity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from facsim.report.style import COLOURS, TRUTH_LINE, points, styled


@styled
def pareto(seconds: Mapping[str, float], score: Mapping[str, float], *, label: str, best: float = 0.0, truth_seconds: float | None = None) -> Figure:
    """One point for each candidate: events per second against a score whose lowest is best; many candidates are named in a legend.

    The dotted line joins those that no other beats in both; `best` is the score of a perfect one.
    """
    figure = Figure(figsize=(9.5, 5.2), layout="constrained")
    ax = figure.subplots()
    many = len(score) > len(COLOURS)
    for i, name in enumerate(score):
        ax.errorbar(1 / seconds[name], score[name], **_mark(i), label=name if many else None)
        if not many:
            ax.annotate(name, (1 / seconds[name], score[name]), xytext=(9, 7), textcoords="offset points", fontsize=14)
    front = sorted((1 / seconds[name], score[name]) for name in unbeaten(seconds, score))
    ax.plot(*zip(*front, strict=True), color=TRUTH_LINE, linewidth=1, linestyle=":", zorder=0)
    if truth_seconds:
        ax.axvline(1 / truth_seconds, color=TRUTH_LINE, linestyle="--", linewidth=1.2, label="truth")
    ax.set(xlabel="events per second", ylabel=label, xscale="log")
    ax.axhline(best, color=TRUTH_LINE, linewidth=1)
    ax.margins(0.25)
    if many:
        figure.legend(*ax.get_legend_handles_labels(), loc="outside right upper", fontsize=12)
    elif truth_seconds:
        ax.legend()
    return figure


def _mark(position: int) -> dict[str, Any]:
    """A large point; beyond the number of colours hollow."""
    return {**points(position), "markersize": 12, "fillstyle": "full" if position < len(COLOURS) else "none"}


def unbeaten(seconds: Mapping[str, float], score: Mapping[str, float]) -> list[str]:
    """Candidates that no other beats in both time and score.

    Examples:
        >>> unbeaten({"a": 1.0, "b": 2.0, "c": 2.0}, {"a": 0.6, "b": 0.5, "c": 0.9})
        ['a', 'b']
    """

    def beaten(name: str) -> bool:
        return any(seconds[o] <= seconds[name] and score[o] <= score[name] and (seconds[o], score[o]) != (seconds[name], score[name]) for o in score)

    return [name for name in score if not beaten(name)]
