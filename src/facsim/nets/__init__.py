"""Plain networks: tensors in, tensors out; no physics and no losses."""

from facsim.nets.arrays import AixNet, TraceRefiner, pattern_critic, pattern_generator
from facsim.nets.critics import Columns, Critic, MinibatchDiscrimination, Planes, dense_critic, spectrally_normal
from facsim.nets.dcgan import convolution_stack, transposed_stack
from facsim.nets.image import ImageToImage, ResidualBlock, UNet, patch_stack
from facsim.nets.local import LocallyConnected, lagan_body, lagan_generator
from facsim.nets.mlp import ACTIVATIONS, mlp
from facsim.nets.points import AttentionBlock, ContextBlock, DeepSet, masked_mean, masked_sum
from facsim.nets.transformer import Cache, CausalTransformer

__all__ = [
    "ACTIVATIONS",
    "AixNet",
    "AttentionBlock",
    "Cache",
    "CausalTransformer",
    "Columns",
    "ContextBlock",
    "Critic",
    "DeepSet",
    "ImageToImage",
    "LocallyConnected",
    "MinibatchDiscrimination",
    "Planes",
    "ResidualBlock",
    "TraceRefiner",
    "UNet",
    "convolution_stack",
    "dense_critic",
    "lagan_body",
    "lagan_generator",
    "masked_mean",
    "masked_sum",
    "mlp",
    "patch_stack",
    "pattern_critic",
    "pattern_generator",
    "spectrally_normal",
    "transposed_stack",
]
