"""Front ends: from sound to features."""
