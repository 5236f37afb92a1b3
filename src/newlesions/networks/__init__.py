"""Networks: what they see of a pair, what a recipe says of each, and how they are built and stored."""
