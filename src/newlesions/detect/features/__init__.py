"""What a classifier sees of a voxel, and of a candidate lesion."""
