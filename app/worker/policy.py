"""What this machine adds to the commands of a dialect, and what it refuses of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from app.hooks.types import Command, Limits, Step

NO_IMAGE, NO_SHELL = "image is not supported on shell runtime", "image is required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Operator's rules.

    runtime: the only one allowed, or None for all. limits, timeout_s, timeout_text: for a command
    that names none. environment: variables every step gets unless it sets them itself.
    masks: whether output is stored without the job's secrets.
    """

    runtime: str | None = None
    limits: Limits = field(default_factory=Limits)
    timeout_s: float | None = None
    timeout_text: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    masks: bool = True

    def refusal(self, command: Command) -> str | None:
        """Say why a command may not run here; None when it may."""
        if self.runtime is None or command.runtime == self.runtime:
            return None
        return NO_IMAGE if self.runtime == "shell" else NO_SHELL

    def applied(self, command: Command) -> Command:
        """Give the command with what it did not say itself filled in."""
        limits = command.limits
        if limits.cpus is None and self.limits.cpus is not None:
            limits = replace(limits, cpus=self.limits.cpus)
        if limits.memory_bytes is None and self.limits.memory_bytes is not None:
            limits = replace(limits, memory_bytes=self.limits.memory_bytes)
        if limits is not command.limits:
            limits = replace(limits, own=command.limits.own and _any(command.limits))
        timed = command.timeout_s is not None or self.timeout_s is None
        return replace(
            command,
            limits=limits,
            timeout_s=command.timeout_s if timed else self.timeout_s,
            timeout_text=command.timeout_text if timed else self.timeout_text,
            main=self._with_environment(command.main),
            pre=tuple(map(self._with_environment, command.pre)),
            post=tuple(map(self._with_environment, command.post)),
            sidecars=tuple(map(self._with_environment, command.sidecars)),
        )

    def _with_environment(self, step: Step) -> Step:
        if not self.environment:
            return step
        return replace(step, env={**self.environment, **step.env})


def _any(limits: Limits) -> bool:
    return limits.cpus is not None or limits.memory_bytes is not None


def host_environment(names: tuple[str, ...], environ: Mapping[str, str]) -> dict[str, str]:
    """Pick variables of this process, `NAME` or `NAME:ALIAS`; one that is not set is left out."""
    found: dict[str, str] = {}
    for entry in names:
        name, _, alias = entry.partition(":")
        if name in environ:
            found[alias or name] = environ[name]
    return found
