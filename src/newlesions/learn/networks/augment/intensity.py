"""Changes of intensities. Images come with 0 where there is nothing, and are changed one at a time.

Each function draws its parameters once and gives a function of an image; where both images of a pair are to change in
the same way, that function is used for both, and only the grains of noise differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from monai.transforms import RandBiasField
from scipy import ndimage

from newlesions.learn.networks.augment.frame import Frame, Image, along, between, one_axis, resizing, uniform, whole

Change = Callable[[Image, np.random.Generator], Image]
Draw = Callable[[np.random.Generator, Mapping[str, Any], Frame], Change]


def gamma(rng: np.random.Generator, options: Mapping[str, Any], frame: Frame) -> Change:
    """The intensities' shares of their range to a power of ``range``."""
    power = between(rng, options["range"])

    def change(image: Image, _: np.random.Generator) -> Image:
        low, high = float(image.min()), float(image.max())
        if high <= low:
            return image
        return ((image - low) / (high - low)) ** power * (high - low) + low

    return change


def contrast(rng: np.random.Generator, options: Mapping[str, Any], frame: Frame) -> Change:
    """Distances from the mean of what is not nothing, times a factor of ``range``."""
    factor = between(rng, options["range"])

    def change(image: Image, _: np.random.Generator) -> Image:
        there = image != 0
        mean = float(image[there].mean()) if there.any() else 0.0
        return (image - mean) * factor + mean

    return change


def scale_intensity(rng: np.random.Generator, options: Mapping[str, Any], frame: Frame) -> Change:
    """Times a factor of ``range``."""
    factor = between(rng, options["range"])
    return lambda image, _: image * factor


def shift_intensity(rng: np.random.Generator, options: Mapping[str, Any], frame: Frame) -> Change:
    """Plus a number of ``range``, in units of the normalised image."""
    offset = uniform(rng, options["range"])
    return lambda image, _: image + offset


def noise(rng: np.random.Generator, options: Mapping[str, Any], frame: Frame) -> Change:
    """Plus normal noise with a standard deviation of ``sd``, in units of the normalised image; always its own."""
    sd = between(rng, options["sd"])
    return lambda image, own: image + own.normal(0, sd, image.shape).astype(np.float32)


def bias_field(rng: np.random.Generator, options: Mapping[str, Any], frame: Frame) -> Change:
    """Times the exponential of polynomials up to ``degree`` whose coefficients lie within +- ``coefficient``."""
    limit, seed = float(options["coefficient"]), int(rng.integers(2**31))

    def change(image: Image, _: np.random.Generator) -> Image:
        field = RandBiasField(degree=int(options["degree"]), coeff_range=(-limit, limit), prob=1.0)
        return np.asarray(field.set_random_state(seed)(image[None])[0])

    return change


def blur(rng: np.random.Generator, options: Mapping[str, Any], frame: Frame) -> Change:
    """Gaussian of a standard deviation of ``sigma`` voxels."""
    sigma = between(rng, options["sigma"])
    return lambda image, _: ndimage.gaussian_filter(image, sigma, mode="nearest")


def sharpen(rng: np.random.Generator, options: Mapping[str, Any], frame: Frame) -> Change:
    """Unsharp mask: plus ``amount`` times what a Gaussian of ``sigma`` voxels takes away."""
    sigma, amount = between(rng, options["sigma"]), between(rng, options["amount"])
    return lambda image, _: image + amount * (image - ndimage.gaussian_filter(image, sigma, mode="nearest"))


def slices(rng: np.random.Generator, options: Mapping[str, Any], frame: Frame) -> Change:
    """Means of ``size`` voxels along one of ``axes``, as of thicker slices (`kamraoui2021-iqda`, p. 38)."""
    axis, size = one_axis(rng, frame, options["axes"]), whole(rng, options["size"])
    if axis is None:
        return lambda image, _: image
    return lambda image, _: ndimage.uniform_filter1d(image, size, axis=axis, mode="nearest")


def downsample(rng: np.random.Generator, options: Mapping[str, Any], frame: Frame) -> Change:
    """Fewer voxels by a factor of ``factor`` along one of ``axes``, and back by cubic splines (`kamraoui2022`)."""
    axis, factor = one_axis(rng, frame, options["axes"]), between(rng, options["factor"])
    if axis is None:
        return lambda image, _: image

    def change(image: Image, _: np.random.Generator) -> Image:
        side = image.shape[axis]
        fewer = max(2, round(side / factor))
        # Means first, as a scanner's thicker slices are: values between voxels alone would alias.
        thick = ndimage.uniform_filter1d(image, max(1, round(factor)), axis=axis, mode="nearest")
        return along(thick, axis, resizing(fewer, side) @ resizing(side, fewer, order=1))

    return change


_ALL = (0, 1, 2)
TRANSFORMS: dict[str, tuple[Draw, dict[str, Any]]] = {
    "gamma": (gamma, {"range": (0.7, 1.5)}),
    "contrast": (contrast, {"range": (0.75, 1.25)}),
    "brightness": (scale_intensity, {"range": (0.9, 1.1)}),
    "scale_intensity": (scale_intensity, {"range": (0.9, 1.1)}),
    "shift_intensity": (shift_intensity, {"range": 0.1}),
    "noise": (noise, {"sd": (0.02, 0.1)}),
    "bias_field": (bias_field, {"degree": 3, "coefficient": 0.1}),
    "blur": (blur, {"sigma": (0.5, 1.75)}),
    "sharpen": (sharpen, {"sigma": (0.5, 1.75), "amount": 1.0}),
    "slices": (slices, {"size": (2, 4), "axes": (2,)}),
    "downsample": (downsample, {"factor": (1.5, 4.0), "axes": _ALL}),
}
"""By name: how the change is drawn, and its options with what they are when not given."""
