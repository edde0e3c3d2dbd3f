"""Settings of the sensor model; what each effect does is told in ``sensor``."""

from __future__ import annotations

from dataclasses import dataclass

from ..config import Config, option


@dataclass(frozen=True)
class SensorConfig(Config):
    """The sensor model; each effect has its switch."""

    depth_noise: bool = option(True, "Axial noise that grows with the square of distance.")
    depth_noise_scale: float = option(1.0, "Factor on the axial noise.", minimum=0.0, maximum=10.0)
    depth_quantisation: bool = option(True, "Disparity steps: 2.85 mm at 1 m, growing with z^2.")
    edge_holes: bool = option(True, "Readings lost beside depth edges.")
    grazing_holes: bool = option(True, "Readings lost on surfaces seen at a grazing angle.")
    material_holes: bool = option(True, "Readings lost on glass and dark screens.")
    range_limits: bool = option(True, "No reading below min_depth or above max_depth.")
    min_depth: float = option(0.4, "Nearest reading.", minimum=0.0, unit="m")
    max_depth: float = option(8.0, "Farthest reading.", minimum=0.1, unit="m")
    color_noise: bool = option(True, "Noise on the colour image.")
    color_sigma: float = option(
        2.5, "Its standard deviation at middle grey.", minimum=0.0, maximum=50.0, unit="of 255"
    )
    exposure_drift: bool = option(True, "Slow changes of brightness and white balance.")
    motion_blur: bool = option(True, "Blur along the image motion during the exposure.")
    exposure_seconds: float = option(
        0.012, "Time that the shutter is open.", minimum=0.0, maximum=0.2, unit="s"
    )
    lens_blur: bool = option(True, "Slight softness of the lens (sigma 0.5 pixels).")

    @classmethod
    def perfect(cls) -> SensorConfig:
        """Everything switched off: exact depth, clean colour."""
        switches = {s.name: False for s in cls.options() if s.type is bool}
        return cls(**switches)
