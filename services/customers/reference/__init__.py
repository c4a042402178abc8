"""Keys of the outside, turned into ids."""
