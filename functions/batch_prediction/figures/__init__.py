"""Figures over a confusion matrix and over confidences: pure mathematics, no AWS."""
