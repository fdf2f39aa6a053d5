"""How a service is to run: the arguments of `electric start`."""

from dataclasses import dataclass, field
from pathlib import Path

from electricsql.service.discovery import default_data_dir


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to listen and where data lives.

    Without a `database_url` the service looks after a Postgres of its own in the data folder. Port
    0 is any free one. The host is loopback unless somebody decides otherwise.
    """

    host: str = "127.0.0.1"
    port: int = 5133
    database_url: str | None = None
    data_dir: Path = field(default_factory=default_data_dir)

    def url(self, port: int) -> str:
        """The address that programs on this machine use."""
        if self.host in ("0.0.0.0", "::"):
            return f"http://127.0.0.1:{port}"
        return f"http://[{self.host}]:{port}" if ":" in self.host else f"http://{self.host}:{port}"
