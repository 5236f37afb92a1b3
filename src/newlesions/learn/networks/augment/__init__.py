"""Augmentation of patches: one spatial transform for images and masks, and changes of intensities."""
