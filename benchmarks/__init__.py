"""What the product costs; each figure is measured in the same run as its baseline."""
