"""Training: what models learn from, and how."""
