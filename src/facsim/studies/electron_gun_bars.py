"""The numbers of the electron-gun study: published, and the bars that ours must meet."""

from __future__ import annotations

from facsim.studies.electron_gun_data import ENERGIES, GEANT4_MS
from facsim.studies.electron_gun_models import BETAS, SIZES
from facsim.studies.study import Expected

AUC_BAR, KL_BAR, DEPOSIT_BAR, MEMORY_BAR = 0.60, 0.001, 0.01, 0.52
FAST_MS = 0.02  # 50,000 images a second
PUBLISHED_KL = {"dcgan-dp": (0.019, 1.46), "dcwgan-gp": (0.113, 0.586), "vae": (0.0042, 0.0089)}
PUBLISHED_MS = {"dcgan-dp": (23.3, 49.7), "dcwgan-gp": (23.3, 49.7), "fcgan-dp": (10.8, 32.2), "fcwgan-gp": (10.8, 32.2), "vae": (12.2, 30.5)}
PUBLISHED_MSE = (40.2, 46.3)  # MeV^2


def _expected_printed() -> list[Expected]:
    """The source's numbers, and the bars that its fully connected models must meet."""
    rows = [Expected(f"{m}-{s}", "kl", "average_image", "all", p) for m, kl in PUBLISHED_KL.items() for s, p in zip(SIZES, kl, strict=True)]
    rows += [
        Expected(f"{m}-{s}", "ms_per_image", "time", "all", p, FAST_MS if s == SIZES[0] and m[:2] != "dc" else None)
        for m, ms in PUBLISHED_MS.items()
        for s, p in zip(SIZES, ms, strict=True)
    ]
    rows += [Expected(f"vae-{s}", "squared_error", "reconstruction", "all", p) for s, p in zip(SIZES, PUBLISHED_MSE, strict=True)]
    rows += [Expected(f"{m}-{s}", "kl", "average_image", "all") for m in ("fcgan-dp", "fcwgan-gp") for s in SIZES]
    rows += [Expected(f"{m}-{s}", "auc", o, "all") for m in PUBLISHED_MS for s in SIZES for o in ("cells", "observables")]
    return rows + [Expected(f"{m}-{s}", "mean_difference", "deposit", "800 MeV") for m in PUBLISHED_MS for s in SIZES]


def _expected_conditional() -> list[Expected]:
    """Mean deposits at the three energies: a bar for ours, told for the source's."""
    bars: dict[str, float | None] = {**{f"cvae-{beta:g}": None for beta in BETAS}, "tree-conditional": DEPOSIT_BAR, "tree-interpolation": DEPOSIT_BAR}
    rows = [Expected(m, "mean_difference", "deposit", f"{e:g} MeV", None, bar) for m, bar in bars.items() for e in ENERGIES]
    rows += [Expected(m, "auc", o, "all") for m in bars for o in ("cells", "observables")]
    return rows + [Expected(f"cvae-{b:g}", "ms_per_image", "time", "all", PUBLISHED_MS["vae"][0], FAST_MS) for b in BETAS]


def _expected_ours() -> list[Expected]:
    """The bars of our best model at both resolutions, and of the fast one."""
    rows = [Expected(f"tree-{s}", "auc", o, "all", None, AUC_BAR) for s in SIZES for o in ("cells", "observables")]
    rows += [Expected(f"tree-{s}", "kl_above_floor", "average_image", "all", None, KL_BAR) for s in SIZES]
    rows += [Expected(f"tree-{s}", "mean_difference", "deposit", "800 MeV", None, DEPOSIT_BAR) for s in SIZES]
    rows += [Expected(f"tree-{s}", "auc", "memorisation", "all", None, MEMORY_BAR) for s in SIZES]
    rows += [Expected(f"tree-{s}", "ms_per_image", "time", "all", None, GEANT4_MS) for s in SIZES]
    rows += [Expected("fast-32", "ms_per_image", "time", "all", None, FAST_MS)]
    return rows + [Expected("fast-32", "auc", o, "all") for o in ("cells", "observables")]


EXPECTED = (*_expected_printed(), *_expected_conditional(), *_expected_ours())
