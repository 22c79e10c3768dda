"""Studies of full events: scores of planted defects, one event made many times, the overlay of single tracks, a short run of both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from facsim.core import Events, FacsimError, concatenate, only
from facsim.core.detectors import from_image, saturate
from facsim.core.variables import places
from facsim.data import load_sample, write
from facsim.evaluation.evaluate import evaluate
from facsim.evaluation.scorecard import Scorecard
from facsim.simulators.full_events import Incident, as_condition, particles_of, pixel_of
from facsim.simulators.hcal import WALL, lhcb_hcal, on_cells, sine_at
from facsim.studies.calorimeter import Sample
from facsim.studies.hcal import beside
from facsim.studies.hcal_direct import MODELS, PARTS, STUDY
from facsim.studies.hcal_events import EDGES, OBSERVABLES, alike, drawn_again, images_alone, judged, sample_of, scores, track_energy
from facsim.studies.hcal_refinement import PARTS as REFINED
from facsim.studies.hcal_refinement import STUDY as REFINEMENT
from facsim.studies.overlay import OVERLAY, Overlay, kept_overlay, unrefined
from facsim.studies.run import request_for, run_study
from facsim.studies.study import Request

EVENTS = load_sample("lhcb-events")


def candidate(scale: float) -> Events:
    """Two candidates for each event to score on: truth events in the order of their tracks' energy, times a factor."""
    test, other = EVENTS[:300], EVENTS[300:]
    partner = np.empty(300, dtype=int)
    partner[np.argsort(track_energy(test))] = np.argsort(track_energy(other))
    made = replace(test, response=np.minimum(scale * other.response[partner], WALL.saturation))
    return concatenate([made, made])


def test_scores_see_a_wrong_scale() -> None:
    sample = Sample(EVENTS[300:], EVENTS[:300], "toy")
    good, bad = ({(r.observable, r.bin): r for r in scores(candidate(scale), sample, Scorecard(()))} for scale in (1.0, 0.7))
    assert {name for name, _ in good} >= {f"source[{name}]" for name in OBSERVABLES} | {"htos", "htis", "spread[total_energy]"}
    assert good["source[total_energy]", "all"].value < 0.1 < bad["source[total_energy]", "all"].value
    assert sum(name in ("htos", "htis") for name, _ in good) == 2 * (len(EDGES) - 1)
    assert good["spread[total_energy]", "all"].value == -1.0  # both candidates of an event are the same


def test_the_resolution_is_what_tracks_have_and_cells_lack() -> None:
    found = OBSERVABLES["resolution"](EVENTS[:5])
    assert found == pytest.approx(EVENTS[:5].column("tracks").sum((1, 2)) - EVENTS[:5].cells.sum(1), abs=1.0)


def test_cells_that_are_not_read_out_are_not_judged() -> None:
    seen = judged(EVENTS[:20])
    assert seen.condition.shape == (20, 1)
    assert not ((seen.cells > 0) & (seen.cells < 1)).any()
    assert seen.cells.sum() == pytest.approx(EVENTS[:20].cells.sum(), rel=2e-3)


def test_other_events_lend_what_is_not_told() -> None:
    """Energies and places of tracks stay, particles without tracks are those of the others, and so are the kinds of the hardest tracks on cells."""
    mixed = particles_of(drawn_again(EVENTS.condition[0], EVENTS.condition[[1, 2]], np.random.default_rng(0)))
    own, lent = particles_of(EVENTS.condition[:1]), particles_of(EVENTS.condition[[1, 2]])
    for number in range(2):
        mine, theirs = mixed.event == number, lent.event == number
        assert sorted(mixed.track[mine & (mixed.track > 0)]) == sorted(own.track[own.track > 0])
        assert sorted(mixed.energy[mine & (mixed.track == 0)]) == sorted(lent.energy[theirs & (lent.track == 0)])
        ours, others = (p.kind[of & (p.track > 0) & on_cells(WALL, p.x, p.y)] for p, of in ((mixed, mine), (lent, theirs)))
        assert ours.tolist() == (others.tolist() * len(ours))[: len(ours)]
    assert np.array_equal(drawn_again(EVENTS.condition[0], EVENTS.condition[[0]], np.random.default_rng(0))[:, -4096:], EVENTS.condition[:1, -4096:])


def test_known_kinds_stay() -> None:
    mixed = particles_of(drawn_again(EVENTS.condition[0], EVENTS.condition[[1]], np.random.default_rng(0), known=True))
    own = particles_of(EVENTS.condition[:1])
    ours, before = (dict(zip(p.track[p.track > 0], p.kind[p.track > 0], strict=True)) for p in (mixed, own))
    assert ours == before


def test_images_of_hadrons_lack_muons_and_what_has_stopped() -> None:
    """Pixel by pixel what the lists of particles hold, of which the events keep none."""
    seen, particles = images_alone(EVENTS[:50]), particles_of(EVENTS[:50].condition)
    assert not any(variable.name.startswith("particle") for variable in seen.variables)
    tracks, hadrons = (seen.column(name).reshape(50, -1) for name in ("tracks", "hadrons"))
    assert (hadrons <= tracks * (1 + 1e-5) + 1e-3).all()
    column, row = pixel_of(particles.x, particles.y)
    for event in range(50):
        mine = (particles.event == event) & (particles.track > 0) & (particles.kind >= 5)
        place = (row[mine] * 64 + column[mine]).astype(int)
        lost = np.bincount(place, particles.track[mine], minlength=4096)
        assert hadrons[event] + lost == pytest.approx(tracks[event], rel=1e-4, abs=0.1)


def test_blurred_tracks_stay_in_their_pixels() -> None:
    exact, blurred = (drawn_again(EVENTS.condition[0], EVENTS.condition[[1]], np.random.default_rng(0), blur) for blur in (0.0, WALL.pixel))
    assert np.allclose(blurred[:, -4096:], exact[:, -4096:], rtol=1e-4)
    before, after = (p.x[p.track > 0] for p in map(particles_of, (exact, blurred)))
    assert np.array_equal(np.floor(before / WALL.pixel), np.floor(after / WALL.pixel))
    assert not np.isclose(before, after).any()


def test_the_evaluation_takes_events_whole() -> None:
    """Lists and images among the conditions: the numbers are compared, and the sums of the arrays."""
    card = evaluate(EVENTS[:150], EVENTS[150:300], train=EVENTS[300:450], recipe=("conditions", "observables"))
    conditions = {row.observable for row in card.rows if row.observable.startswith("condition:")}
    assert conditions == {f"condition:{v.name}" for v in EVENTS.variables}
    assert "tracks the sum" in str(card.about["note"])
    assert card.find("total_energy", "separation").value < 0.5


def test_like_events() -> None:
    like = alike(EVENTS[7:8], EVENTS)
    assert len(like) == 400
    assert like[0] == 7
    like = like[:100]
    assert np.log(track_energy(EVENTS)[like] / track_energy(EVENTS)[7]).std() < 0.5 * np.log(track_energy(EVENTS)).std()


def test_a_track_that_models_are_not_told_of_does_not_choose_like_events() -> None:
    """A model that sees hadrons alone is compared with events whose hadrons are like: a muon of 500 GeV more or less changes nothing."""
    event, kinds = EVENTS[7:8], EVENTS[7:8].column("particle_kind")[0]
    slot = np.flatnonzero((kinds == 0) & (event.column("particle_track")[0] > 0))[0]
    muon = event.condition.copy()
    column = {v.name: place.start for v, place in zip(event.variables, places(event.variables), strict=True)}
    muon[0, column["particle_kind"] + slot] = 5
    harder = muon.copy()
    harder[0, column["particle_track"] + slot] = 5e5
    soft, hard = replace(event, condition=muon), replace(event, condition=harder)
    assert alike(soft, EVENTS, known=True).tolist() == alike(hard, EVENTS, known=True).tolist()
    assert alike(soft, EVENTS).tolist() != alike(hard, EVENTS).tolist()
    assert alike(soft, EVENTS, known=True)[0] != alike(event, EVENTS, known=True)[0] == 7


def two_tracks(transverse: float) -> np.ndarray:
    """An event of two equal tracks on one outer cell, one in the hole, and a neutron."""
    place = np.array([2900.0, 2900.0, 0.0, 1000.0])
    values = np.full(4, transverse) / sine_at(WALL, place, np.zeros(4))
    track = np.array([transverse, transverse, transverse, 0.0])
    made = Incident(np.zeros(4, dtype=int), np.array([0, 0, 0, 2]), values, place, np.zeros(4), place / 13330, np.zeros(4), track)
    return as_condition(made, np.full((1, 3, 2), 1e5))


@pytest.mark.parametrize("transverse", [500.0, 5e3, 5e4])
def test_the_overlay_sums_tracks_scales_and_saturates(transverse: float) -> None:
    """A single-track surrogate that leaves all energy in the cell under the track: 2 tracks, from below to above its range."""
    asked: list[np.ndarray] = []

    class OneCell:
        def simulate(self, condition: np.ndarray, rng: np.random.Generator, *, extrapolate: bool) -> Events:
            asked.append(condition)
            cells = np.zeros((len(condition), WALL.n_cells))
            cells[:, np.abs(WALL.centres[:, :2] - [2900, 0]).sum(1).argmin()] = condition[:, 2]
            return Events(condition, cells, WALL, lhcb_hcal().variables)

    overlay = Overlay(cast(Any, OneCell()), (2e3, 3e4))
    image = overlay.image(two_tracks(transverse), np.random.default_rng(0))
    energies = asked[0][:, 2] / sine_at(WALL, asked[0][:, 0], asked[0][:, 1])
    assert len(energies) == 2
    assert ((energies > 1999) & (energies < 30001)).all()
    assert image.sum() == pytest.approx(min(2 * transverse, 6120.0), rel=1e-4)
    assert image.max() == pytest.approx(image.sum() / 4)


def test_an_event_without_tracks_has_an_empty_overlay() -> None:
    class Never:
        def simulate(self, condition: np.ndarray, rng: np.random.Generator, *, extrapolate: bool) -> Events:
            return Events(condition, np.zeros((len(condition), WALL.n_cells)), WALL, lhcb_hcal().variables)

    image = Overlay(cast(Any, Never()), (2e3, 3e4)).image(np.zeros((3, EVENTS.condition.shape[1]), dtype=np.float32), np.random.default_rng(0))
    assert image.shape == (3, 4096)
    assert not image.any()


def test_an_overlay_is_kept_for_the_same_events_and_tracks(tmp_path: Path) -> None:
    path, events = tmp_path / "overlay.h5", EVENTS[:2]
    first = kept_overlay(path, "one", lambda: np.full((2, 4096), 1.0), events)
    same, other = (kept_overlay(path, of, lambda: np.full((2, 4096), 2.0), events) for of in ("one", "two"))
    assert (first.max(), same.max(), other.max()) == (1.0, 1.0, 2.0)


def test_the_unrefined_overlay_is_the_event() -> None:
    image = np.random.default_rng(0).random((4, 4096)).astype(np.float32)
    events = only(beside(EVENTS[:4], OVERLAY, image), "overlay")
    made = unrefined(events).simulate(events.condition, np.random.default_rng(0))
    assert made.cells == pytest.approx(saturate(WALL, from_image(WALL, image.reshape(-1, 64, 64))), rel=1e-5)


def test_the_unrefined_overlay_needs_no_training() -> None:
    events = beside(EVENTS[:4], OVERLAY, np.zeros((4, 4096), dtype=np.float32))
    sample = Sample(events, events, "toy", sees=lambda e: only(e, "overlay"))
    surrogate, note = REFINED.trained("unrefined", 0, sample, Request(("unrefined",), (0,), True))
    assert note == "nothing to train"
    assert not surrogate.simulate(sample.condition(events), np.random.default_rng(0)).cells.any()


def test_other_files_are_refused(tmp_path: Path) -> None:
    write(only(EVENTS[:10], "tracks"), tmp_path / "images.h5")
    with pytest.raises(FacsimError, match="holds no full events"):
        sample_of(Request(("tree",), (0,), False, settings={"events": tmp_path / "images.h5"}))


@pytest.mark.parametrize("study", [STUDY, REFINEMENT], ids=lambda study: study.name)
def test_our_model_has_all_bars_and_the_source_none(study: Any) -> None:
    assert {expected.model for expected in study.expected} == set(study.models)
    assert {expected.model for expected in study.expected if expected.bar is not None} == {name for name in study.models if "tree" in name}


def test_a_run_goes_on_where_it_was(tmp_path: Path) -> None:
    """Direct and in two steps, the tree alone; the second time nothing is trained."""
    assert set(MODELS) == set(PARTS.models)
    for study in (STUDY, REFINEMENT):
        said: list[str] = []
        for _ in range(2):
            rows = run_study(study, request_for(study, model="tree", say=said.append), tmp_path / study.name)
        assert all(np.isfinite(row["ours"]) for row in rows)
        assert "done already" in said[-1]
        assert (tmp_path / study.name / "runs" / "tree-0" / "bundle" / "manifest.json").is_file()
