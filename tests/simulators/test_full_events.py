"""Full events: the magnet, tracker images, calorimeter responses of constructed events, and Pythia's signal."""

from __future__ import annotations

import numpy as np
import pytest

from facsim.core import FacsimError
from facsim.simulators.collisions import Particles
from facsim.simulators.full_events import KICK, MAGNET, bend, full_events, generate, signal_places, tracker_images, without_signal
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


def test_tracker_image_holds_charged_tracks_in_the_acceptance() -> None:
    made = particles(
        (2112, 0.0, towards(1000, 500, 1e4)), (211, 1.0, (2000.0, 1000.0, 2e4)), (211, 1.0, (9e3, 0.0, 1e4)), (211, 1.0, (10.0, 0.0, 2e4))
    )
    at = bend(made, WALL.distance)
    image = tracker_images(made, at, 1)[0]
    row, column = int(at.y[1] // 131) + 32, int(at.x[1] // 131) + 32
    assert np.argwhere(image > 0).tolist() == [[row, column]]
    assert image[row, column] == pytest.approx(np.hypot(2000, 1000), rel=1e-3)


def test_event_without_tracks() -> None:
    events = full_events(particles(), 2, SOURCE, np.random.default_rng(0))
    assert not events.response.any()
    assert not without_signal(events).condition.any()
    assert without_signal(events).variables[0].shape == (64, 64)


def test_all_tracks_in_the_hole_leave_what_leaks_out_of_it() -> None:
    beam = particles(*[(2112, 0.0, (0.0, 0.0, 5e4))] * 20)
    aside = particles(*[(2112, 0.0, towards(1500, 0, 5e4))] * 20)
    hole, full = (full_events(p, 1, SOURCE, np.random.default_rng(0)).cells.sum() for p in (beam, aside))
    assert hole < 0.05 * full
    muons = particles(*[(13, -1.0, (KICK, 0.0, 5e6))] * 20)
    assert not full_events(muons, 1, SOURCE, np.random.default_rng(0)).response.any()


def test_five_hundred_tracks_add_up() -> None:
    """Events of 500 neutrons equal the sum of parts: mean energy from the single one's, no cell above saturation."""
    rng = np.random.default_rng(0)
    aims = rng.uniform(-1, 1, (500, 2)) * [3500, 2700]
    made = particles(*[(130, 0.0, towards(x, y, 5e3)) for x, y in aims])
    events = full_events(made, 1, SOURCE, rng)
    expected = 5e3 * sine_at(WALL, *aims.T).sum()
    assert events.cells.sum() == pytest.approx(expected, rel=0.15)
    assert events.cells.max() <= WALL.saturation


def test_saturated_cells() -> None:
    made = particles(*[(130, 0.0, towards(3000, 2000, 3e4))] * 50)
    cells = full_events(made, 1, SOURCE, np.random.default_rng(0)).cells[0]
    assert (cells == WALL.saturation).sum() >= 4
    assert cells.max() == WALL.saturation


def test_muons_are_minimum_ionising_and_electrons_stop_before() -> None:
    aim = towards(2000, 1000, 5e4)
    made = particles(*[(code, 0.0, aim) for code in (13, 11, 22)] * 300, event=list(range(900)))
    total = full_events(made, 900, SOURCE, np.random.default_rng(0)).cells.sum(1).reshape(300, 3)
    assert not total[:, 1:].any()
    path = np.sqrt(2000**2 + 1000**2 + 13330**2) / 13330
    assert total[:, 0].mean() == pytest.approx(MUON_LOSS * path * sine_at(WALL, np.array(2070.0), np.array(1035.0)), rel=0.04)


def test_signal_places() -> None:
    made = particles((211, 0.0, towards(100, 200, 1e4)), (321, 0.0, towards(300, 400, 1e4)), (211, 0.0, towards(500, 600, 1e4)), event=[0, 0, 0])
    events = full_events(made._replace(signal=np.array([2, 1, 2])), 2, SOURCE, np.random.default_rng(0))
    assert signal_places(events)[0] == pytest.approx(np.array([[300, 400], [100, 200], [500, 600]]), rel=1e-5)
    assert (np.abs(signal_places(events)[1]) > 1e5).all()


def test_collisions() -> None:
    pytest.importorskip("pythia8mc", reason="the extra pythia is not installed")
    one, same, other = (generate(3, SOURCE, seed) for seed in (1, 1, 2))
    assert one == same
    assert one != other
    inside = np.abs(signal_places(one)).reshape(-1) < 3 * WALL.distance
    assert inside.mean() > 0.8
    assert (one.column("tracks").sum((1, 2)) > 1000).all()


def test_without_pythia_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pythia8mc", None)
    with pytest.raises(FacsimError, match=r"facsim\[pythia\]"):
        generate(1, SOURCE, 0)
