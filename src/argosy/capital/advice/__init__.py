"""What to do, from the figures of a plan; and all of it as its pages tell it."""
