"""Simulated FLAIR cohorts whose new, enlarging, gone and shrinking lesions are known exactly."""
