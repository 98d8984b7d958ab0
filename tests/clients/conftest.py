"""Fixtures all suites share. One gateway process for each test file; one bucket for each test that asks for one."""

import itertools
import os
import random
import re
from pathlib import Path

import pytest

from aws import boto3_client
from gateway import ACCESS_KEY, REGION, SECRET_KEY, Gateway, Upstream, clean_environment
from management import TOKEN, Management

BUCKET_NUMBERS = itertools.count(1)


def pytest_addoption(parser):
    parser.addoption("--binary", help="the windlass binary under test")
    parser.addoption("--clients", help="the folder that setup.sh filled")
    parser.addoption("--upstream", action="store_true", help="keep blobs at an upstream: a second gateway")
    parser.addoption("--seed", default=str(random.SystemRandom().randrange(10**9)), help="seed of all random data")
    parser.addoption("--linked", action="store_true", help="test buckets that are linked ones, at a second gateway")
    where = "ENDPOINT,REGION,ACCESS_KEY,SECRET_KEY of a server to be the upstream in place of a second gateway"
    parser.addoption("--provider", help=where)
    # Everybody runs the same cases, so that a change is answered for what it changed; another seed looks further.
    parser.addoption("--schema-seed", type=int, default=1, help="seed of the cases that schemathesis makes")


def pytest_report_header(config):
    return f"seed: {config.getoption('--seed')} (repeat with --seed), binary: {config.getoption('--binary')}"


def pytest_configure(config):
    """SDKs inside this process must not see the settings, credentials or proxies of whoever runs the tests."""
    Gateway.blobs_upstream = config.getoption("--upstream")
    if provider := config.getoption("--provider"):
        Upstream.provider = tuple(provider.split(","))
    for name in list(os.environ):
        if name.upper().startswith("AWS_") or name.upper().endswith("_PROXY"):
            del os.environ[name]
    config.addinivalue_line("markers", "own_bucket(why): not so of a linked bucket, and why")
    os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, NO_PROXY="*")


def pytest_collection_modifyitems(config, items):
    for item in items:
        own = item.get_closest_marker("own_bucket")
        if own and config.getoption("--linked"):
            item.add_marker(pytest.mark.skip(reason=own.args[0]))


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
def gateway(request, binary, gateway_settings, tmp_path_factory):
    settings = {"WINDLASS_ROOT_TOKEN": TOKEN} if request.config.getoption("--linked") else {}
    gateway = Gateway(binary, tmp_path_factory.mktemp("gateway"), **settings, **gateway_settings).start()
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def link(request, binary, gateway, tmp_path_factory):
    """Makes a linked bucket of a name, where linked buckets are tested; else nothing."""
    if not request.config.getoption("--linked"):
        yield lambda name: None
        return
    upstream, management = Upstream(binary, tmp_path_factory.mktemp("upstream")).start(), Management(gateway.endpoint)
    account = management.done("POST", "/v1/aws-accounts", upstream.account)["id"]
    management.done("POST", f"/v1/aws-accounts/{account}/validate")

    def link(name):
        upstream.make(name)
        linked = management.done("POST", f"/v1/aws-accounts/{account}/import", {"bucketNames": [name]})
        everything = dict.fromkeys(("visibility", "cache", "cors", "lifecycle", "optimization"), True)
        management.done("PATCH", f"/v1/buckets/{linked[0]['id']}", {"managedSettings": everything})

    yield link
    upstream.stop()


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
def bucket_name(request, link):
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:50].strip("-")
    name = f"{words}-{next(BUCKET_NUMBERS)}"
    # Who makes it once more is told that it is there already, which in us-east-1 is no error.
    link(name)
    return name


@pytest.fixture
def bucket(s3, bucket_name):
    s3.create_bucket(Bucket=bucket_name)
    return bucket_name
