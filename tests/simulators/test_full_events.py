"""Full events: the magnet, tracker images, calorimeter responses of constructed events, and Pythia's signal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facsim.core import Events, FacsimError, only
from facsim.data import read, write
from facsim.simulators.collisions import Particles
from facsim.simulators.full_events import (
    KICK,
    MAGNET,
    SLOTS,
    FullEvents,
    as_condition,
    bend,
    incident,
    particles_of,
    signal_places,
    signal_tracks,
)
from facsim.simulators.hadron_showers import ParameterisedShowers
from facsim.simulators.hcal import MUON_LOSS, WALL, sine_at

SOURCE = ParameterisedShowers()


def particles(*tracks: tuple[int, float, tuple[float, float, float]], event: list[int] | None = None) -> Particles:
    """Particles from the interaction point: code, charge, momentum in MeV."""
    code, charge, momentum = (np.array(part) for part in zip(*tracks, strict=True)) if tracks else (np.zeros(0), np.zeros(0), np.zeros((0, 3)))
    k = len(tracks)
    energy = np.sqrt((momentum.reshape(k, 3) ** 2).sum(1))
    return Particles(
        np.array(event or [0] * k, dtype=int), code.astype(int), charge, momentum.reshape(k, 3), energy, np.zeros((k, 3)), np.zeros(k, int)
    )


def towards(x: float, y: float, energy: float) -> tuple[float, float, float]:
    """The momentum of a straight track to a place on the face."""
    direction = np.array([x, y, WALL.distance])
    px, py, pz = energy * direction / np.linalg.norm(direction)
    return float(px), float(py), float(pz)


def test_neutral_particles_fly_straight() -> None:
    at = bend(particles((2112, 0.0, towards(1000, -500, 1e4))), WALL.distance)
    assert (at.x[0], at.y[0]) == pytest.approx((1000, -500))


@pytest.mark.parametrize(("charge", "polarity"), [(1.0, 1.0), (-1.0, 1.0), (1.0, -1.0)])
def test_the_kick_of_the_magnet(charge: float, polarity: float) -> None:
    """A track along the axis of 20 GeV gets 1.199 GeV sideways in the middle of the magnet, its momentum stays."""
    at = bend(particles((211, charge, (0.0, 0.0, 2e4))), WALL.distance, polarity)
    slope = KICK / np.sqrt(2e4**2 - KICK**2)
    assert abs(KICK - 1199.17) < 0.01
    assert at.x[0] == pytest.approx(charge * polarity * slope * (13330 - MAGNET))
    assert at.y[0] == 0.0


def test_soft_tracks_are_thrown_out_and_late_ones_not_bent() -> None:
    soft = particles((211, 1.0, (900.0, 0.0, 1500.0)))
    assert np.isnan(bend(soft, WALL.distance).x[0])
    late = particles((211, 1.0, (100.0, 0.0, 2e4)))._replace(origin=np.array([[0.0, 0.0, MAGNET + 1000]]))
    assert bend(late, WALL.distance).x[0] == pytest.approx(0.005 * (13330 - MAGNET - 1000))


def full_events(made: Particles, n: int, seed: int = 0) -> Events:
    """Events of these particles."""
    return FullEvents(SOURCE).simulate(as_condition(incident(made), signal_tracks(made, n)), np.random.default_rng(seed))


def test_tracker_image_holds_charged_tracks_in_the_acceptance() -> None:
    """The energy of a track times the sine of the place that it hits, behind the magnet."""
    made = particles(
        (2112, 0.0, towards(1000, 500, 1e4)), (211, 1.0, (2000.0, 1000.0, 2e4)), (211, 1.0, (9e3, 0.0, 1e4)), (211, 1.0, (10.0, 0.0, 2e4))
    )
    at = bend(made, WALL.distance)
    image = full_events(made, 1).column("tracks")[0]
    row, column = int(at.y[1] // 131) + 32, int(at.x[1] // 131) + 32
    assert np.argwhere(image > 0).tolist() == [[row, column]]
    radius = np.hypot(at.x[1], at.y[1])
    assert image[row, column] == pytest.approx(np.sqrt(2e3**2 + 1e3**2 + 2e4**2) * radius / np.hypot(radius, WALL.distance), rel=1e-5)


def test_particles_come_back_from_the_lists() -> None:
    made = particles((211, 0.0, towards(700, 800, 1e4)), (13, 0.0, towards(300, 400, 3e4)), (11, -1.0, (4e3, 0.0, 3e4)), event=[1, 1, 1])
    found = particles_of(as_condition(incident(made), signal_tracks(made, 2)))
    assert found.event.tolist() == [1, 1, 1]
    assert found.kind.tolist() == [6, 5, 0]  # the highest energy first
    assert found.x[1:] == pytest.approx([300, 700])
    assert found.tx[1:] == pytest.approx([300 / 13330, 700 / 13330])
    assert (found.track > 0).tolist() == [True, False, False]


def test_of_too_many_particles_the_softest_are_lost() -> None:
    made = particles(*[(130, 0.0, towards(1000, 0, 1e3 + i)) for i in range(SLOTS + 3)])
    found = particles_of(as_condition(incident(made), signal_tracks(made, 1)))
    assert len(found.energy) == SLOTS
    assert found.energy.min() == 1003.0


def test_event_without_tracks() -> None:
    events = full_events(particles(), 2)
    assert not events.response.any()
    assert not only(events, "tracks").condition.any()
    assert only(events, "tracks").variables[0].shape == (64, 64)


def test_all_tracks_in_the_hole_leave_nothing() -> None:
    """They are seen by the tracker and pass through the hole."""
    edge = particles(*[(2112, 0.0, towards(255, 255, 1e6))] * 20)
    assert not full_events(edge, 1).response.any()
    assert full_events(particles(*[(2112, 0.0, towards(265, 0, 1e6))] * 20), 1).response.any()
    beam = full_events(particles(*[(211, 1.0, (1e4 * 0.02 - KICK, 0.0, 1e6)), (13, -1.0, (1e4 * 0.02 + KICK, 0.0, 1e6))] * 20), 1)
    assert not beam.response.any()


def test_five_hundred_tracks_add_up() -> None:
    """Events of 500 neutral kaons equal the sum of parts: mean energy from the single one's, no cell above saturation."""
    aims = np.random.default_rng(0).uniform(-1, 1, (500, 2)) * [3500, 2700]
    events = full_events(particles(*[(130, 0.0, towards(x, y, 5e3)) for x, y in aims]), 1)
    expected = 5e3 * sine_at(WALL, *aims.T).sum()
    assert events.cells.sum() == pytest.approx(expected, rel=0.15)
    assert events.cells.max() <= WALL.saturation


def test_five_hundred_charged_tracks_are_all_in_the_image() -> None:
    made = particles(*[(211, 1.0, towards(x, 800, 3e4)) for x in np.linspace(-1500, 1500, 500)])
    events = full_events(made, 1)
    found = particles_of(events.condition)
    assert np.count_nonzero(found.track) == 500
    assert events.column("tracks").sum() == pytest.approx(found.track.sum(), rel=1e-5)


def test_saturated_cells() -> None:
    made = particles(*[(130, 0.0, towards(3000, 2000, 3e4))] * 50)
    cells = full_events(made, 1).cells[0]
    assert (cells == WALL.saturation).sum() >= 4
    assert cells.max() == WALL.saturation


def test_muons_are_minimum_ionising_and_electrons_stop_before() -> None:
    aim = towards(2000, 1000, 5e4)
    made = particles(*[(code, 0.0, aim) for code in (13, 11, 22)] * 300, event=list(range(900)))
    total = full_events(made, 900).cells.sum(1).reshape(300, 3)
    assert not total[:, 1:].any()
    path = np.sqrt(2000**2 + 1000**2 + 13330**2) / 13330
    assert total[:, 0].mean() == pytest.approx(MUON_LOSS * path * sine_at(WALL, np.array(2070.0), np.array(1035.0)), rel=0.04)


def test_signal_places() -> None:
    made = particles((211, 0.0, towards(100, 200, 1e4)), (321, 0.0, towards(300, 400, 1e4)), (211, 0.0, towards(500, 600, 1e4)), event=[0, 0, 0])
    events = full_events(made._replace(signal=np.array([2, 1, 2])), 2)
    assert signal_places(events)[0] == pytest.approx(np.array([[300, 400], [100, 200], [500, 600]]), rel=1e-5)
    assert (np.abs(signal_places(events)[1]) > 1e5).all()


def test_files_and_splits_keep_what_an_event_is(tmp_path: Path) -> None:
    """Written, read, split: the particles are there and make the same response with the same random numbers."""
    numbers = np.repeat(np.arange(8), 2 ** np.arange(8))  # 1, 2, 4, ... tracks
    aims = np.random.default_rng(3).uniform(-1, 1, (255, 2)) * [3500, 2700]
    events = full_events(particles(*[(211, 1.0, towards(x, y, 2e4)) for x, y in aims], event=numbers.tolist()), 8, seed=4)
    write(events, tmp_path / "events.h5")
    assert read(tmp_path / "events.h5") == events
    part, _ = events.split(0.5, 1)
    again = FullEvents(SOURCE).simulate(part.condition, np.random.default_rng(5))
    assert np.array_equal(again.condition, part.condition)
    assert again.cells.sum(1) == pytest.approx(part.cells.sum(1), rel=0.8)


def test_collisions() -> None:
    pytest.importorskip("pythia8mc", reason="the extra pythia is not installed")
    simulator = FullEvents(SOURCE)
    one, same, other = (simulator.simulate(simulator.prior(3, np.random.default_rng(s)), np.random.default_rng(s)) for s in (1, 1, 2))
    assert one == same
    assert one != other
    inside = np.abs(signal_places(one)).reshape(-1) < 3 * WALL.distance
    assert inside.mean() > 0.8
    assert (one.column("tracks").sum((1, 2)) > 1000).all()


def test_without_pythia_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pythia8mc", None)
    with pytest.raises(FacsimError, match=r"facsim\[pythia\]"):
        FullEvents(SOURCE).prior(1, np.random.default_rng(0))
