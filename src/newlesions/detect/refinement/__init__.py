"""The classifier after the candidates: voxels, then whole lesions, by trained boosted trees."""
