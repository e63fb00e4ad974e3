"""One training over several processes, as torchrun starts them."""
