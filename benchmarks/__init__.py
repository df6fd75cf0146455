"""What the product costs, each figure measured in one run beside what it is compared with."""
