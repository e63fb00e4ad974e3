"""``python -m earmark`` is ``earmark``; torchrun starts it by this name."""

from earmark.cli import main

if __name__ == "__main__":
    main()
