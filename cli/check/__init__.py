"""`digits check`: what a batch would be, before anything is uploaded."""
