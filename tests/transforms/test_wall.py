"""Cells of the wall as images: nothing is lost, and the hit is in the middle."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facsim.core import FacsimError, SplitGranularity
from facsim.core.detectors import as_image
from facsim.transforms import Chain
from facsim.transforms.wall import Centred, Footprint, Pixels, Quadrant, TrackSums, Within

WALL = SplitGranularity()
RNG = np.random.default_rng(0)
CELLS = torch.tensor(RNG.gamma(0.2, 300.0, (40, 1488)))
PLACES = torch.tensor(RNG.uniform(-1, 1, (40, 2)) * [4191, 3405])


@pytest.mark.parametrize("size", [(52, 64), (56, 64), (64, 64)])
def test_pixels_are_the_detectors_image(size: tuple[int, int]) -> None:
    pixels = Pixels((1488,), size)
    image = pixels(CELLS, PLACES)
    np.testing.assert_allclose(image.numpy(), as_image(WALL, CELLS.numpy(), size), rtol=1e-6)
    torch.testing.assert_close(pixels.inverse(image, PLACES), CELLS)


def test_corner_pixels_hold_the_outer_cells_whole() -> None:
    pixels = Pixels((1488,), (64, 64), corner=True)
    image = pixels(CELLS, PLACES)
    assert torch.equal(pixels.inverse(image, PLACES), CELLS)
    assert torch.equal(image.flatten(1).sort(1).values[:, -1488:], CELLS.sort(1).values)
    blocks = image.reshape(40, 32, 2, 32, 2)[:, 0:9]  # rows beyond the inner part
    assert not blocks[:, :, 1].any()
    assert not blocks[..., 1].any()


def test_what_falls_beside_the_cells_is_lost() -> None:
    image = torch.ones(1, 64, 64)
    assert Pixels((1488,), (64, 64)).inverse(image, PLACES[:1]).sum() == 52 * 64 - 16


def test_centred_images_have_the_hit_in_the_middle() -> None:
    """A lone cell under the particle's place lies in the middle four pixels, wherever that is."""
    x, y = PLACES.numpy().T
    cell = WALL.cell_of_pixel[np.floor(y / 131).astype(int) + 26, np.floor(x / 131).astype(int) + 32]
    lone = torch.zeros(40, 1488).index_put((torch.arange(40), torch.from_numpy(cell.clip(0))), torch.tensor(1.0))
    chain = Chain((1488,), [("Pixels", {"corner": True}), ("Centred", {})])
    image = chain(lone, PLACES)
    assert (image[cell >= 0][:, 32:34, 32:34].sum((1, 2)) == 1).all()
    assert torch.equal(chain.inverse(image, PLACES), lone)


def test_centred_turns_back() -> None:
    image = torch.rand(40, 64, 64)
    turned = Centred((64, 64))(image, PLACES)
    assert torch.equal(Centred((64, 64)).inverse(turned, PLACES), image)
    x, y = (torch.floor(PLACES[3] / 262) * 2).long().tolist()
    assert torch.equal(turned[3], torch.roll(image[3], (-y, -x), (0, 1)))


def test_within_tells_place_and_border() -> None:
    raw = torch.tensor([[65.5, 262.0, 5.0], [2096.0, -1.0, 5.0]])
    found = Within((3,))(torch.zeros(2, 3), raw)
    assert found.shape == (2, 7)
    assert found[0, 3:].tolist() == pytest.approx([-0.5, np.tanh(15.5 / 4), -1.0, np.tanh(12 / 4)])
    assert found[1, 3:].tolist() == pytest.approx([-1.0, 0.0, 1 - 2 / 262, np.tanh((14 - 1 / 131) / 4)], abs=1e-6)
    assert torch.equal(Within((3,)).inverse(found, raw), torch.zeros(2, 3))


def test_all_quadrants_are_one() -> None:
    """Mirrored, cells and footprint are those of the mirrored place; back, all is as it was."""
    quadrant, signs = Quadrant((1488,)), torch.tensor([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    flips = torch.from_numpy(WALL.cell_of_pixel.copy())
    place = torch.cat([signs * torch.tensor([2000.0, 700.0]), torch.full((4, 1), 1e3)], dim=1)
    mirrored = CELLS[:1].float().repeat(4, 1)
    for event, axes in ((1, [1]), (2, [0]), (3, [0, 1])):
        mirrored[event, flips[flips >= 0]] = CELLS[0].float()[flips.flip(axes)[flips >= 0]]
    assert torch.equal(quadrant(mirrored, place), CELLS[:1].float().repeat(4, 1))
    assert torch.equal(quadrant.inverse(quadrant(mirrored, place), place), mirrored)
    recipe = [("Quadrant", {}), ("Pixels", {"corner": True}), ("Centred", {"mirrored": True})]
    images = Chain((1488,), recipe)(mirrored, place)
    assert torch.equal(images, images[:1].expand(4, 64, 64))
    seen = Footprint((3,), mirrored=True)(torch.zeros(4, 3), place)
    assert torch.equal(seen, seen[:1].expand_as(seen))
    assert torch.equal(seen[:1], Footprint((3,))(torch.zeros(1, 3), place[:1]))


def test_the_footprint_follows_the_place_within_a_cell() -> None:
    """From the middle of an inner cell all of a narrow shower stays there; at its border half is lost to the neighbour, at the hole's to the hole."""
    raw = torch.tensor([[10.5 * 131, 5.5 * 131, 1e3], [10 * 131.0, 5.5 * 131, 1e3], [2 * 131.0, 0.5 * 131, 1e3], [21 * 131.0, 5 * 131.0, 1e3]])
    found = Footprint((3,), depth=0.0, parts=((1.0, 2.0),))(torch.zeros(4, 3), raw)
    image = found[:, 4:].reshape(4, 64, 64)
    assert found.shape == (4, 3 + 1 + 4096)
    radius = 131 * np.hypot(21, 5)
    assert found[3, 3] == pytest.approx(np.log(0.1 * np.hypot(radius, 13330) / radius))
    assert not found[:, :3].any()
    assert image[0, 33, 32] == pytest.approx(1.0)
    assert image[1, 33, 31:33].tolist() == pytest.approx([0.5, 0.5])
    assert image[2].sum() == pytest.approx(0.5)
    assert image[3, 32, 32] == pytest.approx(1.0)  # the middle of an outer cell, four pixels in one
    assert torch.equal(Footprint((3,)).inverse(found, raw), torch.zeros(4, 3))


def test_the_footprint_is_the_sum_of_a_cloud() -> None:
    """Points drawn as the shower falls off, counted by cells and centred, make the same image."""
    raw, rng = torch.tensor([[2000.0, -700.0, 1e3]]), np.random.default_rng(1)
    x, y = (raw[0, axis].item() * (1 + 400 / 13330) + rng.laplace(0, 100.0, 400_000) for axis in (0, 1))
    number = np.pad(WALL.cell_of_pixel, 40, constant_values=-1)[np.floor(y / 131).astype(int) + 66, np.floor(x / 131).astype(int) + 72]
    cells = torch.from_numpy(np.bincount(number[number >= 0], minlength=1488) / 400_000)[None]
    cloud = Chain((1488,), [("Pixels", {"corner": True}), ("Centred", {})])(cells, raw)
    found = Footprint((3,), parts=((1.0, 100.0),))(torch.zeros(1, 3), raw)[:, 4:].reshape(1, 64, 64)
    torch.testing.assert_close(found.double(), cloud.double(), atol=0.005, rtol=0)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(FacsimError, match="cells of a wall"):
        Pixels((1487,))
    with pytest.raises(FacsimError, match="whole outer cells"):
        Centred((63, 64))


def test_sums_over_an_image_of_tracks_by_hand() -> None:
    """Two tracks of 3 and 4 GeV on inner cells, one of 2 GeV on an outer one, one of 1 GeV in the hole; the columns before stay."""
    image = torch.zeros(1, 64, 64)
    image[0, 20, 32], image[0, 40, 32], image[0, 6, 0], image[0, 32, 32] = 3000.0, 4000.0, 2000.0, 1000.0
    condition = torch.cat([torch.tensor([[7.0]]), image.flatten(1)], dim=1)
    found = TrackSums((4097,))(condition / 10, condition)
    assert found.shape == (1, 9 + 4097)
    assert found[0, :9].tolist() == pytest.approx([*np.log1p([7, 2, 1]), *np.log1p([5, 2, 1]), 0.2, 0.1, 0.1])
    assert torch.equal(TrackSums((4097,)).inverse(found, condition), condition / 10)
