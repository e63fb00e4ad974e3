"""TUT sets: sound events, acoustic scenes, urban scenes, and the four-scene corpus joined from them."""
