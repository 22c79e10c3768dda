"""The studies that can be run; none imports a network before it runs."""

from __future__ import annotations

from facsim.studies.airshower_patterns import STUDY as AIRSHOWER_PATTERNS
from facsim.studies.airshower_reconstruction import STUDY as AIRSHOWER_RECONSTRUCTION
from facsim.studies.airshower_refinement import STUDY as AIRSHOWER_REFINEMENT
from facsim.studies.conditional_gaussian import STUDY as CONDITIONAL_GAUSSIAN
from facsim.studies.electron_gun import STUDY as ELECTRON_GUN
from facsim.studies.hcal_direct import STUDY as HCAL_DIRECT
from facsim.studies.hcal_refinement import STUDY as HCAL_REFINEMENT
from facsim.studies.hcal_single_track import STUDY as HCAL_SINGLE_TRACK
from facsim.studies.lcd_ecal import STUDY as LCD_ECAL
from facsim.studies.lhcb_ecal import STUDY as LHCB_ECAL
from facsim.studies.rich_pid import STUDY as RICH_PID
from facsim.studies.study import Study
from facsim.studies.toy_distributions import STUDY as TOY_DISTRIBUTIONS
from facsim.studies.track_smearing import STUDY as TRACK_SMEARING

STUDIES: dict[str, Study] = {
    study.name: study
    for study in (
        TOY_DISTRIBUTIONS,
        CONDITIONAL_GAUSSIAN,
        TRACK_SMEARING,
        RICH_PID,
        ELECTRON_GUN,
        LHCB_ECAL,
        LCD_ECAL,
        AIRSHOWER_RECONSTRUCTION,
        AIRSHOWER_PATTERNS,
        AIRSHOWER_REFINEMENT,
        HCAL_SINGLE_TRACK,
        HCAL_REFINEMENT,
        HCAL_DIRECT,
    )
}
