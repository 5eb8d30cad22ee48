from typing import ClassVar

from jobyard_sample import Transcode

from app.testing import JobInterfaceContract


class TestTranscode(JobInterfaceContract):
    interface = Transcode()
    valid_spec: ClassVar = {"source": "https://example.com/film.mkv", "segments": 3}
