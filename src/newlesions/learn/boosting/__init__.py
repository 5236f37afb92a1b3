"""Training the classifier of `detect.refinement` from pairs with reference masks."""
