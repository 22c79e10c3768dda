"""What the pages say is what happens: commands run, examples work, errors exist, and the pages can be built."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from facsim.cli.main import COMMANDS, run
from facsim.core import DETECTORS, Events, Variable, stream
from facsim.evaluation.distances import DISTANCES, distance
from facsim.evaluation.observables import OBSERVABLES
from facsim.models import MODELS
from facsim.simulators import SIMULATORS
from facsim.studies.table import STUDIES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LONGEST = 40


def blocks(page: str) -> list[tuple[str, str]]:
    """Language and text of each block of a page."""
    return FENCE.findall((DOCS / page).read_text())


def example(title: str) -> str:
    """The example under a heading of extend.md."""
    section = (DOCS / "extend.md").read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]
    [(language, text)] = FENCE.findall(section)
    assert language == "python"
    assert len(text.splitlines()) < LONGEST
    return text


def test_the_tutorial_from_the_first_to_the_last_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    commands = 0
    for language, text in blocks("tutorial.md"):
        if language == "python":
            exec(compile(text, "tutorial.md", "exec"), {})
            continue
        for line in text.splitlines():
            program, *arguments = shlex.split(line)
            assert program == "facsim"
            assert run(arguments) == 0, line
            commands += 1
    assert commands == 7
    for made in ("run/bundle/manifest.json", "fixed.h5", "judged/report.html", "judged/scorecard.json", "model.onnx", "production/manifest.json"):
        assert (tmp_path / made).is_file()


def test_the_page_on_files_from_the_first_to_the_last_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from facsim.data import read

    monkeypatch.chdir(tmp_path)
    lines = [line for language, text in blocks("formats.md") if language == "bash" for line in text.splitlines()]
    assert len(lines) == 4
    for line in lines:
        assert run(shlex.split(line)[1:]) == 0, line
    assert np.allclose(read("again.h5").response, read("showers.h5").response, rtol=1e-6)


def test_the_page_on_tables_from_the_first_to_the_last_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sweights", reason="extra splot")
    monkeypatch.chdir(tmp_path)
    lines = [line for language, text in blocks("tuples.md") if language == "bash" for line in text.splitlines()]
    assert len(lines) == 8
    for line in lines:
        assert run(shlex.split(line)[1:]) == 0, line
    assert len((tmp_path / "own.csv").read_text().splitlines()) == 3001


def test_the_card_on_the_page_of_geant4_is_one(tmp_path: Path) -> None:
    from facsim.simulators.geant4 import read_card

    [text] = [text for language, text in blocks("geant4.md") if language == "yaml"]
    (tmp_path / "card.yaml").write_text(text)
    assert read_card(tmp_path / "card.yaml").model_copy(update={"description": ""}) == read_card("lhcb_ecal").model_copy(update={"description": ""})


def test_every_example_of_the_gallery_runs_when_the_pages_are_built() -> None:
    """They are executed by the build, which stops at the first that fails; here that none is left out, and all are short."""
    examples = sorted((DOCS / "examples").glob("*.py"))
    assert len(examples) >= 4
    for path in examples:
        assert path.name.startswith("plot_")
        assert len(path.read_text().splitlines()) < 60


def test_a_new_model_trains_and_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "linear", None)
    exec(example("A model"), {"__name__": "linear"})
    data = tmp_path / "d.h5"
    assert run(["simulate", "gflash-pbwo4", "--n", "200", "--out", str(data)]) == 0
    assert run(["fit", str(data), "--model", "linear", "--out", str(tmp_path / "r"), "--set", "latent=3"]) == 0
    assert run(["sample", str(tmp_path / "r"), "--like", str(data), "--out", str(tmp_path / "s.h5")]) == 0
    assert run(["export", str(tmp_path / "r"), "--out", str(tmp_path / "m.onnx")]) == 0


def test_a_new_detector_is_written_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from facsim.data import read, write

    monkeypatch.setitem(DETECTORS, "Straws", None)
    names: dict[str, Any] = {"__name__": "straws"}
    monkeypatch.setitem(sys.modules, "straws", ModuleType("straws"))
    exec(example("A detector"), names)
    straws = names["Straws"](5, 4.0)
    assert straws.centres[:, 0].tolist() == [-8, -4, 0, 4, 8]
    events = Events(np.ones((3, 1)), np.ones((3, 5)), straws, (Variable("energy", "MeV"),))
    write(events, tmp_path / "e.h5")
    assert read(tmp_path / "e.h5") == events


def test_a_new_metric_is_in_every_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OBSERVABLES, "hottest", OBSERVABLES["total_energy"])
    monkeypatch.setitem(DISTANCES, "median_shift", DISTANCES["ks"])
    exec(example("A metric"), {"__name__": "metric"})
    gun = SIMULATORS["gflash-pbwo4"].build()
    truth = gun.simulate(gun.prior(300, stream(0)), stream(1))
    hottest = OBSERVABLES["hottest"].compute(truth)
    assert hottest.tolist() == truth.cells.max(1).tolist()
    assert distance("median_shift", hottest + 3.0, hottest) == pytest.approx(3.0)


def test_a_new_simulator_is_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from facsim.data import read

    monkeypatch.setitem(SIMULATORS, "muons", None)
    exec(example("A simulator"), {"__name__": "muons"})
    path = tmp_path / "m.h5"
    assert run(["simulate", "muons", "--n", "50", "--set", "deposit=100", "--out", str(path)]) == 0
    events = read(path)
    assert ((events.cells > 0).sum(1) == 1).all()
    hit = events.detector.centres[events.cells.argmax(1)]
    assert np.abs(hit[:, 0] - events.column("x")).max() <= 5.001
    assert np.abs(hit[:, 1] - events.column("y")).max() <= 5.001


def test_every_failure_of_the_faq_is_one_that_facsim_tells() -> None:
    source = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    headings = re.findall(r"^## (.*)$", (DOCS / "faq.md").read_text(), re.MULTILINE)
    told = [heading for heading in headings if heading[0].islower()]
    assert len(told) >= 10
    for heading in told:
        assert heading in source, heading


def test_commands_that_the_pages_name_exist() -> None:
    pages = [*DOCS.glob("*.md"), ROOT / "README.md"]
    fences = [text for page in pages for text in re.findall(r"^```\w*\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)]
    named = {name for text in fences for name in re.findall(r"^facsim (\w+)", text, re.MULTILINE)}
    assert named <= {*COMMANDS, "study", "models"}
    assert {"fit", "sample", "evaluate", "export", "produce"} <= named


def test_generated_pages_tell_published_and_ours() -> None:
    spec = importlib.util.spec_from_file_location("pages", DOCS / "pages.py")
    assert spec is not None
    assert spec.loader is not None
    pages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pages)
    for path in pages.RESULTS.glob("*/summary.json"):
        lines = pages.study_page(path).splitlines()
        assert sum(line.startswith("| ") for line in lines) == 2 + len(json.loads(path.read_text()))
    assert all(name in pages.tables_page() for name in MODELS)
    for name, study in STUDIES.items():
        page = pages.study_pages()[name]
        assert study.source in page
        assert page.count("\n| ") >= min(1, len(study.expected))


def test_the_pages_are_built_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("sphinx", reason="needs the extra docs")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", str(DOCS), str(tmp_path / "html")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "facsim.core" in (tmp_path / "html" / "api" / "facsim.core.html").read_text()
    assert "events a second" in (tmp_path / "html" / "gallery" / "plot_2_surrogate.html").read_text()
