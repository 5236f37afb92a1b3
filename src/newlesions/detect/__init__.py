"""From two comparable images to changed lesions: differences, priors, candidates, classes, regions."""
