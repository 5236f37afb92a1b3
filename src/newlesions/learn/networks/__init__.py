"""Training the networks of a recipe: patches, augmentation, losses, steps; one member of a stage at a time."""
