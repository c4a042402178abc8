"""Events summed into cells that can be taken back and merged over any period."""
