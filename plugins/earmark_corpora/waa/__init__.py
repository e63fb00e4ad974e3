"""WAA, the corpus of [weak_label_limits]: one event of ten classes in each clip, mixed from the DESED soundbank."""
