"""facsim: learned fast simulation of particle detectors, with a proof of how good it is."""

__version__ = "0.1.0"
