"""Pages that people read: one per pair, one per cohort; each a single HTML file that loads nothing from elsewhere."""
