"""What a head scan may look like: the limits of the input checks, and their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from newlesions.errors import ConfigError


@dataclass(frozen=True)
class ScanLimits:
    """Limits of `check_scan`; the names are those of the settings."""

    min_voxel_mm: float = 0.2
    max_voxel_mm: float = 8.0
    min_fov_mm: float = 80.0
    max_fov_mm: float = 500.0
    min_slices: int = 10
    max_voxels: int = 400_000_000
    max_shear_deg: float = 5.0
    require_orientation: bool = True

    @classmethod
    def of(cls, settings: Mapping[str, object] | None) -> ScanLimits:
        """The limits with ``settings`` instead of some defaults.

        Raises
        ------
        ConfigError
            If a name is unknown or a value is no number (for ``require_orientation``: neither true nor false).
        """
        known = {field.name: field.default for field in fields(cls)}
        for name, value in (settings or {}).items():
            if name not in known:
                raise ConfigError(f"input limits: found {name!r}; expected some of {', '.join(known)}")
            flag = isinstance(known[name], bool)
            if isinstance(value, bool) != flag or not isinstance(value, bool | int | float) or value != value:
                raise ConfigError(
                    f"input limits: found {value!r} for {name}; expected {'true or false' if flag else 'a number'}"
                )
        return cls(**{**known, **(settings or {})})  # type: ignore[arg-type]
