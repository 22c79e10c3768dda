"""Detectors: shapes, positions, layers, orientation, drawing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from facsim.core import Detector, FacsimError, GridLayer, LayeredGrid, PolarLayers, RegularGrid, SplitGranularity, Vector
from facsim.core.detectors import describe, from_description

EXAMPLES: dict[str, Detector] = {
    "image": RegularGrid((4, 6), (5.0, 10.0)),
    "block": RegularGrid((3, 4, 4), (2.0, 5.0, 5.0)),
    "equal layers": LayeredGrid(tuple(GridLayer(4, 4, (5.0, 5.0), z) for z in (1.0, 3.0))),
    "unequal layers": LayeredGrid((GridLayer(8, 8, (5.0, 5.0), 1.0), GridLayer(4, 4, (10.0, 10.0), 5.0))),
    "polar": PolarLayers.uniform(3, 8, [0.0, 5.0, 10.0, 20.0]),
    "split": SplitGranularity((8, 12), (4, 8), (2, 2)),
    "vector": Vector(("pt", "dll"), ("MeV", "1")),
}


@pytest.fixture(params=EXAMPLES)
def detector(request: pytest.FixtureRequest) -> Detector:
    return EXAMPLES[request.param]


def test_contract(detector: Detector) -> None:
    n = detector.n_cells
    assert n == np.prod(detector.shape)
    assert detector.centres.shape == (n, 3)
    assert detector.areas.shape == detector.layers.shape == (n,)
    assert (detector.areas > 0).all()
    assert np.array_equal(np.unique(detector.layers), np.arange(detector.n_layers))
    assert (np.diff(detector.layers) >= 0).all()
    assert np.array_equal(detector.layers[detector.layer_starts], np.arange(detector.n_layers))
    assert detector.image(np.ones(detector.shape)).ndim == 2


def test_description_rebuilds_it(detector: Detector) -> None:
    assert from_description(json.loads(json.dumps(describe(detector)))) == detector


def test_drawing_keeps_the_energy(detector: Detector) -> None:
    response = np.random.default_rng(0).random(detector.shape)
    slack = 0.1 if isinstance(detector, PolarLayers) else 1e-9  # a circle in square pixels
    assert detector.image(response).sum() == pytest.approx(response.sum(), rel=slack)


def test_rows_are_y_and_columns_are_x() -> None:
    grid = EXAMPLES["image"]
    response = np.zeros(grid.shape)
    response[3, 1] = 1.0
    x, y, _ = grid.centres[response.ravel().argmax()]
    assert (x, y) == (-15.0, 7.5)


@pytest.mark.parametrize("name", ["block", "equal layers", "unequal layers", "polar"])
def test_a_cell_is_drawn_where_it_is(name: str) -> None:
    detector = EXAMPLES[name]
    target = int(np.argmax(detector.centres[:, 0] + 2 * detector.centres[:, 1]))
    response = np.zeros(detector.n_cells)
    response[target] = 1.0
    picture = detector.image(response)
    rows, columns = np.indices(picture.shape)
    offset = [(index * picture).sum() / picture.sum() - (size - 1) / 2 for index, size in zip((columns, rows), picture.shape[::-1], strict=True)]
    expected = detector.centres[target, :2]
    assert np.arctan2(offset[1], offset[0]) == pytest.approx(np.arctan2(expected[1], expected[0]), abs=0.1)


def test_depth_is_the_first_axis() -> None:
    z = EXAMPLES["block"].centres[:, 2].reshape(3, 4, 4)
    assert z[:, 0, 0].tolist() == [1.0, 3.0, 5.0]
    assert EXAMPLES["block"].layers.reshape(3, 4, 4)[:, 0, 0].tolist() == [0, 1, 2]


def test_polar_cells_have_the_area_of_their_ring() -> None:
    polar = EXAMPLES["polar"]
    assert polar.areas.reshape(3, 8, 3)[0].sum() == pytest.approx(np.pi * 400)
    assert polar.centres.reshape(3, 8, 3, 3)[0, 0, 0, :2].tolist() == pytest.approx([2.5 * np.cos(-7 * np.pi / 8), 2.5 * np.sin(-7 * np.pi / 8)])


BINNING = """<Bins><Particle name="photon" pid="22">
<Layer id="0" r_edges="0,5,10" n_bin_alpha="1"/><Layer id="1" r_edges="0,2,4,6" n_bin_alpha="10"/>
<Layer id="2" r_edges="" n_bin_alpha="1"/><Layer id="12" r_edges="0,100" n_bin_alpha="1"/></Particle></Bins>"""


def test_binning_file(tmp_path: Path) -> None:
    (tmp_path / "binning.xml").write_text(BINNING)
    polar = PolarLayers.from_xml(tmp_path / "binning.xml", "photon")
    assert polar.shape == (2 + 30 + 1,)
    assert [layer.number for layer in polar.stack] == [0, 1, 12]
    assert polar.layer_starts.tolist() == [0, 2, 32]
    with pytest.raises(FacsimError, match="did you mean 'photon'"):
        PolarLayers.from_xml(tmp_path / "binning.xml", "foton")


def test_bad_binning_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binning.xml").write_text("no xml")
    with pytest.raises(FacsimError, match="cannot read the binning file"):
        PolarLayers.from_xml(tmp_path / "binning.xml", "photon")


@pytest.mark.parametrize(
    "build",
    [
        lambda: RegularGrid((4,), (1.0,)),
        lambda: RegularGrid((4, 4), (1.0,)),
        lambda: RegularGrid((4, 0), (1.0, 1.0)),
        lambda: RegularGrid((4, 4), (1.0, -1.0)),
        lambda: LayeredGrid(()),
        lambda: PolarLayers.uniform(1, 0, [0.0, 1.0]),
        lambda: PolarLayers.uniform(1, 4, [0.0, 0.0]),
        lambda: Vector(()),
        lambda: Vector(("a",), ("parsec",)),
        lambda: from_description({"kind": "RegularGird"}),
        lambda: from_description({"kind": "RegularGrid", "cell": 3}),
    ],
)
def test_nonsense_is_refused(build: object) -> None:
    with pytest.raises(FacsimError):
        build()  # type: ignore[operator]
