"""Finding where a GAN's results break."""
