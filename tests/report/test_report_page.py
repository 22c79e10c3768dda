"""The page holds every observable and every score, needs no other file, and is written whole or not at all."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from facsim.core import Detector, Events, FacsimError, GridLayer, LayeredGrid, PolarLayers, RegularGrid, SplitGranularity, Variable, Vector
from facsim.evaluation.observables import columns
from facsim.evaluation.scorecard import Output, Row, Scorecard
from facsim.report import layout, write_report
from facsim.report.tables import measured

DETECTORS: dict[str, Detector] = {
    "grid": RegularGrid((6, 5), (10.0, 20.0)),
    "volume": RegularGrid((3, 4, 5), (5.0, 10.0, 10.0)),
    "polar": PolarLayers.uniform(3, 4, [0.0, 5.0, 10.0]),
    "layers": LayeredGrid((GridLayer(4, 4, (5.0, 5.0), 1.0), GridLayer(2, 2, (10.0, 10.0), 2.0))),
    "split": SplitGranularity((8, 12), (4, 8), (2, 2), pixel=10.0, distance=500.0),
    "vector": Vector(("pt", "eta"), ("MeV", "1")),
}
ENERGY, CODE = Variable("energy", "MeV", 100.0, 1000.0), Variable("pdg", choices=(11.0, 22.0))


def sample(detector: Detector, n: int = 60, seed: int = 0) -> Events:
    rng = np.random.default_rng(seed)
    condition = np.stack([rng.uniform(100, 1000, n), rng.choice([11.0, 22.0], n)], axis=1)
    response = rng.exponential(1.0, (n, *detector.shape)) * (rng.random((n, *detector.shape)) < 0.7)
    return Events(condition, response, detector, (ENERGY, CODE))


def card(excess: float = 5.0) -> Scorecard:
    rows = [Row("total_energy", "ks", 0.1 + excess * 0.01, 0.01, 0.1, 0.0), Row("cells", "auc", 0.8123, 0.0045, 0.5, 0.0045)]
    rows += [Row("total_energy", "mean_shift", 0.3, 0.1, 0.0, 0.1, bin="energy 100-500 MeV")]
    return Scorecard(tuple(rows), {"recipe": "fast", "sizes": {"candidate": 60}})


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages with empty pictures, where only the words matter."""
    monkeypatch.setattr(layout, "data_address", lambda figure: "data:image/png;base64,AA==")


class Page(HTMLParser):
    """Tags with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [a for t, a in self.tags if t == tag]


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", DETECTORS)
def test_every_observable_and_score_is_on_the_page(name: str, tmp_path: Path) -> None:
    detector = DETECTORS[name]
    truth = sample(detector)
    write_report(tmp_path / "report.html", truth, {"vae": sample(detector, 50, 1)}, {"vae": card()})
    text = unescape((tmp_path / "report.html").read_text())
    for column in columns(truth):
        shown = column.observable if column.observable.startswith("layer_") else column.name
        assert shown in text
    for row in card().rows:
        assert measured(row.value, row.error) in text
        assert row.bin in text
    assert "0.8123 ± 0.0045" in text


@pytest.mark.usefixtures("undrawn")
def test_it_needs_no_other_file(tmp_path: Path) -> None:
    grid = DETECTORS["grid"]
    write_report(tmp_path / "report.html", sample(grid), {"vae": sample(grid, 50, 1)}, {"vae": card()}, history={"loss": [3.0, 2.0, 1.0]})
    text = (tmp_path / "report.html").read_text()
    parsed = Page(text)
    addresses = [a[key] for _, a in parsed.tags for key in ("src", "href", "srcset", "data", "action") if key in a]
    assert addresses
    assert all(a is not None and (a.startswith("data:image/png;base64,") or a.startswith("#")) for a in addresses)
    assert not re.search(r"@import|url\(", text)
    assert not parsed.all("script")
    assert not parsed.all("link")


@pytest.mark.usefixtures("undrawn")
def test_every_picture_has_words_and_every_entry_of_the_contents_a_target(tmp_path: Path) -> None:
    grid = DETECTORS["grid"]
    write_report(tmp_path / "report.html", sample(grid), {"vae": sample(grid, 50, 1)}, {"vae": card()})
    parsed = Page((tmp_path / "report.html").read_text())
    assert all(a.get("alt") for a in parsed.all("img"))
    targets = {a.get("id") for a in parsed.all("section")}
    assert {str(a["href"]).lstrip("#") for a in parsed.all("a")} == targets


@pytest.mark.parametrize("name", ["grid", "volume", "vector"])
def test_single_events_without_energy(name: str, tmp_path: Path) -> None:
    detector = DETECTORS[name]
    empty = Events(np.array([[500.0, 11.0]]), np.zeros((1, *detector.shape)), detector, (ENERGY, CODE))
    write_report(tmp_path / "report.html", empty, {"vae": empty}, {"vae": Scorecard(())})
    assert (tmp_path / "report.html").read_text().endswith("</html>")


@pytest.mark.usefixtures("undrawn")
def test_memorisation_is_checked_where_training_events_are_given(tmp_path: Path) -> None:
    vector = DETECTORS["vector"]
    truth, candidate = sample(vector, 150), sample(vector, 150, 1)
    write_report(tmp_path / "with.html", truth, {"vae": candidate}, {"vae": card()}, train=sample(vector, 150, 2))
    write_report(tmp_path / "without.html", truth, {"vae": candidate}, {"vae": card()})
    assert "Memorisation check" in (tmp_path / "with.html").read_text()
    assert "Memorisation check" not in (tmp_path / "without.html").read_text()
    assert "Precision and recall" in (tmp_path / "without.html").read_text()


@pytest.mark.usefixtures("undrawn")
def test_classifier_outputs_are_those_of_the_scorecards_and_none_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facsim.evaluation.classifier.two_sample_test", None)
    vector, told = DETECTORS["vector"], Output((0.25, 0.75), (0.75, 0.25))
    truth, candidate = sample(vector, 150), sample(vector, 150, 1)
    saved = Scorecard.from_json(replace(card(), outputs={"observables": told}).to_json())
    assert saved.outputs == {"observables": told}
    write_report(tmp_path / "with.html", truth, {"vae": candidate}, {"vae": saved})
    write_report(tmp_path / "without.html", truth, {"vae": candidate}, {"vae": card()})
    assert "output for held-out events" in (tmp_path / "with.html").read_text()
    assert "output for held-out events" not in (tmp_path / "without.html").read_text()


@pytest.mark.usefixtures("undrawn")
def test_several_candidates_are_ranked(tmp_path: Path) -> None:
    grid = DETECTORS["grid"]
    samples = {"worse": sample(grid, 50, 1), "better": sample(grid, 40, 2)}
    cards = {"worse": card(9.0), "better": card(0.0)}
    write_report(tmp_path / "report.html", sample(grid), samples, cards, timings={"worse": 1e-3, "better": 1e-4, "truth": 1e-2})
    text = (tmp_path / "report.html").read_text()
    ranking = text[text.index('<section id="ranking">') :]
    assert ranking.index("<td>better</td>") < ranking.index("<td>worse</td>")
    assert "100 µs" in ranking


def test_names_are_escaped(tmp_path: Path) -> None:
    detector = Vector(("<b>$p_t$</b>",))
    name = "<script>alert(1)</script>"
    truth = Events(np.zeros((30, 0)), np.random.default_rng(0).normal(size=(30, 1)), detector, ())
    write_report(tmp_path / "report.html", truth, {name: truth}, {name: Scorecard((), {"<i>": "<u>"})}, title="a < b & c")
    text = (tmp_path / "report.html").read_text()
    assert not {"script", "b", "i", "u"} & {tag for tag, _ in Page(text).tags}
    assert "a &lt; b &amp; c" in text


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    vector = DETECTORS["vector"]
    for name in ("a", "b"):
        write_report(tmp_path / name, sample(vector), {"gan": sample(vector, 50, 1)}, {"gan": card()})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    grid, other = sample(DETECTORS["grid"]), sample(DETECTORS["volume"])
    with pytest.raises(FacsimError, match="nothing to report"):
        write_report(tmp_path / "r", grid, {}, {})
    with pytest.raises(FacsimError, match="another detector"):
        write_report(tmp_path / "r", grid, {"vae": other}, {"vae": card()})
    with pytest.raises(FacsimError, match="scorecards do not fit"):
        write_report(tmp_path / "r", grid, {"vae": grid}, {})
    assert not list(tmp_path.iterdir())
