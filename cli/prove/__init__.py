"""`digits prove`: a batch through a deployed stack, and every link of its way by evidence of its own."""
