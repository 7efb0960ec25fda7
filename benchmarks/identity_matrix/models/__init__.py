"""The models; each module registers its own."""
