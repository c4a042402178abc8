"""The register of the systems that bring customers in."""
