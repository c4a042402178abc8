"""How sure one can be that two samples differ, and by how much: tests, effects and intervals from bins alone."""
