"""The web part for any WSGI server: `gunicorn -c config/gunicorn.py wsgi:app`."""

import os

from app.factory import create_app
from config.settings import load

app = create_app(load(os.environ))
