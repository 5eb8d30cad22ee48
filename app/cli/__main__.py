"""`python -m app.cli` is `jobyard`."""

from app.cli import main

if __name__ == "__main__":
    main()
