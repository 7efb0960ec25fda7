from __future__ import annotations


class TorchDraws:
    """The states of torch's own random generators, one for each device in use.

    Layers without a seed draw from these, and a `DataLoader` does when it begins.
    """

    def __init__(self) -> None:
        import torch  # where it is the backend only

        cuda, mps = torch.cuda.is_initialized(), torch.backends.mps.is_available()
        self._cpu = torch.get_rng_state()
        self._cuda = torch.cuda.get_rng_state_all() if cuda else None
        self._mps = torch.mps.get_rng_state() if mps else None

    def restore(self) -> None:
        """Puts the generators back where they were."""
        import torch

        torch.set_rng_state(self._cpu)
        if self._cuda is not None:
            torch.cuda.set_rng_state_all(self._cuda)
        if self._mps is not None:
            torch.mps.set_rng_state(self._mps)
