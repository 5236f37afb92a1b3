"""From raw scans to comparable images: bias field, brain, halfway space, differential bias, normalisation."""
