"""Fixtures all suites share. One gateway process for each test file; one bucket for each test that asks for one."""

import itertools
import os
import random
import re
from pathlib import Path

import pytest

from aws import boto3_client
from gateway import ACCESS_KEY, REGION, SECRET_KEY, Gateway, clean_environment

BUCKET_NUMBERS = itertools.count(1)


def pytest_addoption(parser):
    parser.addoption("--binary", help="the windlass binary under test")
    parser.addoption("--clients", help="the folder that setup.sh filled")
    parser.addoption("--seed", default=str(random.SystemRandom().randrange(10**9)), help="seed of all random data")
    # Everybody runs the same cases, so that a change is answered for what it changed; another seed looks further.
    parser.addoption("--schema-seed", type=int, default=1, help="seed of the cases that schemathesis makes")


def pytest_report_header(config):
    return f"seed: {config.getoption('--seed')} (repeat with --seed), binary: {config.getoption('--binary')}"


def pytest_configure(config):
    """SDKs inside this process must not see the settings, credentials or proxies of whoever runs the tests."""
    for name in list(os.environ):
        if name.upper().startswith("AWS_") or name.upper().endswith("_PROXY"):
            del os.environ[name]
    os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, NO_PROXY="*")


@pytest.fixture(scope="session")
def binary(request):
    given = request.config.getoption("--binary")
    assert given and os.access(given, os.X_OK), f"no windlass binary at {given}: build it, or give --binary"
    return os.path.abspath(given)


@pytest.fixture(scope="session")
def clients(request):
    """The folder of installed clients: `venv/bin` has the commands, `node` the packages."""
    folder = Path(request.config.getoption("--clients") or "missing").resolve()
    assert folder.is_dir(), f"no clients in {folder}: run setup.sh"
    return folder


@pytest.fixture
def seed(request):
    """A seed of its own for every test, derived from the seed of the run."""
    return f"{request.config.getoption('--seed')}/{request.node.name}"


@pytest.fixture(scope="module")
def gateway_settings():
    """A test file overrides this to give its gateway further WINDLASS_* variables."""
    return {}


@pytest.fixture(scope="module")
def gateway(binary, gateway_settings, tmp_path_factory):
    gateway = Gateway(binary, tmp_path_factory.mktemp("gateway"), **gateway_settings).start()
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def aws_environment(gateway, tmp_path_factory):
    """What the AWS SDKs and tools read when they are set up by environment alone."""
    return clean_environment(
        tmp_path_factory.mktemp("home"),
        AWS_ACCESS_KEY_ID=ACCESS_KEY,
        AWS_SECRET_ACCESS_KEY=SECRET_KEY,
        AWS_DEFAULT_REGION=REGION,
        AWS_REGION=REGION,
        AWS_ENDPOINT_URL=gateway.endpoint,
    )


@pytest.fixture(scope="module")
def s3(gateway):
    return boto3_client(gateway.endpoint)


@pytest.fixture
def bucket_name(request):
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:50].strip("-")
    return f"{words}-{next(BUCKET_NUMBERS)}"


@pytest.fixture
def bucket(s3, bucket_name):
    s3.create_bucket(Bucket=bucket_name)
    return bucket_name
