"""How the real Grafana is started: settings by environment, a password of its own.

https://grafana.com/docs/grafana/latest/setup-grafana/configure-grafana/. No Grafana could be run where this was
written; what is asked of it is what its documentation says.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

USER = "admin"

FOLDER = "grafana"
"""In the state folder: the password, and what Grafana is given by file."""


def arguments(program: Path) -> list[str]:
    """Return the command. An unpacked release has its home two folders up; a package says where it is by itself."""
    home = program.parent.parent
    return [str(program), "server", *(["--homepath", str(home)] if (home / "conf" / "defaults.ini").is_file() else [])]


def password(folder: Path) -> str:
    """Return the password of this folder, made the first time; only its owner can read it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "password"
    if not file.exists():
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as target:  # noqa: PTH123
            target.write(secrets.token_urlsafe(18))
    return file.read_text(encoding="ascii").strip()


def readable_password(folder: Path) -> Path:
    """Return a file with the password that the user of a container can read, which owns nothing on this machine.

    So the file itself keeps nobody out; its folder does, in which nobody but its owner gets, and a container sees only
    the file.
    """
    secret, file = password(folder), folder / "password-of-the-container"
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(secret, encoding="ascii")
    file.chmod(0o444)
    return file


def settings(url: str, folder: Path, data: Path) -> dict[str, str]:
    """Return its environment: loopback only, nobody without a password beyond looking, nothing sent or fetched.

    What the password is has to be added, as GF_SECURITY_ADMIN_PASSWORD or, for the image, as a file of that name.
    """
    port = urlsplit(url).port
    return {
        "GF_SERVER_HTTP_ADDR": "127.0.0.1",
        "GF_SERVER_HTTP_PORT": str(port),
        "GF_PATHS_DATA": str(data),
        "GF_PATHS_LOGS": str(data / "log"),
        "GF_PATHS_PLUGINS": str(data / "plugins"),
        "GF_PATHS_PROVISIONING": str(folder / "provisioning"),
        "GF_SECURITY_ADMIN_USER": USER,
        "GF_AUTH_ANONYMOUS_ENABLED": "true",
        "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
        "GF_USERS_ALLOW_SIGN_UP": "false",
        "GF_DASHBOARDS_MIN_REFRESH_INTERVAL": "1s",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_PLUGINS_PREINSTALL_DISABLED": "true",
        "GF_NEWS_NEWS_FEED_ENABLED": "false",
        "GF_SNAPSHOTS_EXTERNAL_ENABLED": "false",
        "GF_SECURITY_DISABLE_GRAVATAR": "true",
        "GF_LOG_MODE": "console",
        "GF_LOG_LEVEL": "warn",
    }
