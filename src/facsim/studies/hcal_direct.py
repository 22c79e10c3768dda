"""Study `hcal-direct`: full events in the LHCb hadronic calorimeter, from the image of the tracks straight to the image of the calorimeter.

The source (LHCb HCAL study of 2019, "tracker image propagation") trains image-to-image networks against critics. Further see `hcal_events`.
Its learning rates are the printed ones, 1e-5 and 1e-6 for the critic; with 3,500 events they need hundreds of epochs (`--set epochs=N`).
Ours is the tree with the tracker image as condition: the total energy in the light of sums over the image, then its halves in the light of the tracks
in and around each block, and of what these leave on average, down to single cells; a large cell is one pixel.
* `tree` sees what the source's models see. That image does not tell which tracks are of muons or electrons, which leave next to nothing. Half of the
  hardest tracks are of muons; the signal of the trigger rates are hadrons.
* `tree-hadrons` sees the tracks of hadrons alone, as a simulation has them and an experiment's identification of particles.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from facsim.core import Events, only
from facsim.core.events import Array
from facsim.studies.calorimeter import SETTINGS, Model, Sample
from facsim.studies.hcal import SATURATION, wall_of
from facsim.studies.hcal_events import READ_OUT, Given, again, event_parts, event_study, images_alone, sample_of, simulator_of
from facsim.studies.study import Request

MILLISECONDS = 4.0  # of one core for an image: 500 images per second on two

IMAGES = (("Pixels", {"size": [64, 64]}), ("Scale", {"by": SATURATION}))
PRINTED = {"learning_rate": {"critic": 1e-6, "generator": 1e-5}, "betas": (0.5, 0.999), "precision": "bf16"}
WINDOW = 4  # pixels: the L1 norm of single ones, as printed, soon turns sparse images into nothing
LOUD = (("Scale", {"by": 0.1}),)  # times ten: pixels of one, some 25 of them, are drowned by a code that fills 64 planes
SHORTER = {key: SETTINGS[key] for key in ("learning_rate", "train_events")}


def translations(network: str) -> dict[str, Model]:
    """The source's models on the printed networks `network`, and a smaller one of their kind."""
    encoded = {
        "vae-gan": "the source's: variational auto-encoder at the image, with a critic",
        "clr-gan": "the source's: conditional latent regressor",
        "bicycle-gan": "the source's best: both of these",
    }
    settings = {"images": 1, "network": network, "window": WINDOW, "regulariser": "none"}
    return {
        "pix2pix": Model(
            what="the source's kind: a smaller U-Net with noise against a critic of patches, and L1",
            family="pix2pix",
            settings={"images": 1},
            response=IMAGES,
            batch=32,
            training={"learning_rate": 2e-4, "betas": (0.5, 0.999), "precision": "bf16"},
            full=20,
        ),
        **{
            name: Model(
                what=what,
                family=name,
                settings=settings,
                response=IMAGES,
                condition=LOUD,
                batch=16,
                training=PRINTED,
                full=20,
                quick_events=16,
            )
            for name, what in encoded.items()
        },
    }


def tree(what: str, *told: str, view: str = "") -> Model:
    """Our tree, told what these transforms add to its image."""
    return Model(
        what=f"ours: the total energy, cut in halves down to single cells in the light of {what}",
        family="tree",
        settings={
            "images": 1 + ("TrackShowers" in told),
            "width": 48,
            "depth": 2,
            "reach": 1.5,
            "context": 2,
            "lines": 0,
            "sampled": 256,
            "focus": 0.5,
            "balance": True,
        },
        response=(("Threshold", {"at": READ_OUT}), ("Pixels", {"size": [64, 64], "corner": True}), ("Scale", {})),
        condition=[(name, {}) for name in told],
        batch=32,
        training={"learning_rate": 8e-3, "schedule": "onecycle", "clip": 10.0},
        full=15,
        view=view,
    )


MODELS = {
    **translations("tip"),
    "tree": tree("the tracks", "TrackSums", "TrackShowers"),
    "tree-hadrons": tree("the tracks of hadrons alone", "TrackSums", "TrackShowers", view="hadrons"),
}


def sample(request: Request) -> Sample:
    """The events, of which models see the tracker image, or in the view "hadrons" only what hadrons leave in it."""
    found, simulator = sample_of(request), simulator_of(request)
    repeated = partial(again, found, simulator, blur=wall_of(found.test).pixel)
    seen = replace(found, train=images_alone(found.train), test=images_alone(found.test), repeats=repeated(_same("tracks")))
    hadrons = replace(seen, sees=lambda events: only(events, "hadrons"), repeats=repeated(_same("hadrons"), known=True))
    return replace(seen, views={"hadrons": hadrons})


def _same(image: str) -> Given:
    def given(event: Events, n: int, rng: np.random.Generator) -> Array:
        return images_alone(event).column(image).reshape(1, -1).repeat(n, axis=0)

    return given


PARTS = event_parts("hcal-direct", MODELS, sample)
STUDY = event_study(
    PARTS, "from the 64x64 image of the tracks to 1488 cells in one step", appendix="C.3", milliseconds=MILLISECONDS, settings=SHORTER
)
