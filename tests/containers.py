"""What a container engine holds, of one test's among those of all."""

import docker

from tests.yard import eventually


def containers(client: docker.APIClient, *labels: str) -> list[dict]:
    """All containers that bear any of the labels (`name` or `name=value`), running or not."""

    def listed() -> list[list[dict]]:
        try:
            found = [client.containers(all=True, filters={"label": label}) for label in labels]
        except docker.errors.NotFound:  # Podman looks at each, and one had just gone
            return []
        return [[one for listing in found for one in listing]]

    return eventually(listed, "a list of containers")[0]


def beside(client: docker.APIClient, label: str) -> list[dict]:
    """All volumes and networks that bear a label (`name=value`)."""

    def listed() -> list[list[dict]]:
        filters = {"label": label}
        try:
            found = [
                client.volumes(filters=filters)["Volumes"] or [],
                client.networks(filters=filters),
            ]
        except docker.errors.NotFound:  # as above
            return []
        return [[one for listing in found for one in listing]]

    return eventually(listed, "a list of volumes and networks")[0]
