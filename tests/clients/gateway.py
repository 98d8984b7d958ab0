"""One gateway process on a data directory of its own: start it, use it, end it, check what it left behind."""

import http.client
import os
import re
import secrets
import select
import signal
import subprocess
import time
import urllib.parse
from pathlib import Path

import boto3

READY_LINE = re.compile(r"windlass: listening on (https?)://127\.0\.0\.1:(\d+)\n")
READY_SECONDS = 30
STOP_SECONDS = 60
CHECK_SECONDS = 120

ACCESS_KEY = "WINDLASSCLIENTTESTS1"
SECRET_KEY = "9fPq2sTn+Lr4/wYcVb7XhKd0ZmEaGj1uRoNiSx3C"
REGION = "us-east-1"


def clean_environment(home, **extra):
    """What every child process sees: no credentials, proxies or settings of the person who runs the tests."""
    inherited = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    return {
        **inherited,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "NO_PROXY": "*",
        **{name: str(value) for name, value in extra.items()},
    }


def run(command, environment, seconds=120, stdin=None, fails=False):
    """Runs a client to its end and returns its standard output; its exit code must be 0, or not 0 if it `fails`."""
    command = [str(word) for word in command]
    done = subprocess.run(command, env=environment, input=stdin, capture_output=True, timeout=seconds, check=False)
    told = f"{command}\nexit code {done.returncode}\n{_text(done.stdout)}\n{_text(done.stderr)}"
    assert (done.returncode != 0) == fails, told
    return _text(done.stderr) if fails else done.stdout


def _text(output):
    return output[-8000:].decode("utf-8", "replace")


def fetch(url, method="GET", data=None, headers=None):
    """A request with no header but those given, as from a client that knows a URL and nothing else."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body=data, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


class Gateway:
    """`settings` are further WINDLASS_* variables. Everything is kept under `root`."""

    # Whether blobs are kept at an upstream.
    blobs_upstream = False

    def __init__(self, binary, root, **settings):
        self.upstream = Upstream(binary, Path(root) / "upstream") if self.blobs_upstream else None
        self.binary = binary
        self.data = Path(root) / "data"
        self.log = Path(root) / "gateway.log"
        self.environment = clean_environment(
            root,
            WINDLASS_ROOT_ACCESS_KEY=ACCESS_KEY,
            WINDLASS_ROOT_SECRET_KEY=SECRET_KEY,
            **settings,
        )
        self.process = None
        self.scheme = None
        self.port = None

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    @property
    def endpoint(self):
        return f"{self.scheme}://{self.host}"

    def start(self):
        if self.upstream:
            bucket = f"blobs-{secrets.token_hex(8)}"
            self.upstream.start().make(bucket)
            self.environment.update(self.upstream.settings(bucket))
        command = [self.binary, "serve", "--data", str(self.data), "--listen", "127.0.0.1:0"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, stderr=log)
        try:
            self.scheme, port = self._ready_line().groups()
            self.port = int(port)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def _ready_line(self):
        deadline = time.monotonic() + READY_SECONDS
        line = b""
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            readable, _, _ = select.select([self.process.stdout], [], [], max(left, 0))
            assert readable, f"not ready after {READY_SECONDS} s: {line!r}\n{self.log_tail()}"
            byte = os.read(self.process.stdout.fileno(), 1)
            assert byte, f"ended before it was ready, exit code {self.process.wait()}\n{self.log_tail()}"
            line += byte
        ready = READY_LINE.fullmatch(line.decode())
        assert ready, f"unexpected first line {line!r}"
        return ready

    def stop(self):
        """Ends the process as a service manager does, then demands a clean exit, a discreet log and sound data."""
        early = self.process.poll()
        assert early is None, f"ended by itself, exit code {early}\n{self.log_tail()}"
        self.process.send_signal(signal.SIGTERM)
        try:
            rest, _ = self.process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        assert self.process.returncode == 0, f"exit code {self.process.returncode}\n{self.log_tail()}"
        assert rest == b"", f"more than one line on standard output: {rest!r}"
        log = self.log.read_text("utf-8", "replace")
        assert SECRET_KEY not in log, "the root secret key stands in the log"
        assert "panicked at" not in log, self.log_tail()
        run([self.binary, "check", "--data", self.data], self.environment, CHECK_SECONDS)
        if self.upstream:
            self.upstream.stop()

    def log_tail(self):
        return self.log.read_text("utf-8", "replace")[-4000:]


class Last(Gateway):
    """One that is behind another one, and has nothing behind it."""

    blobs_upstream = False


class Upstream:
    """What is behind a gateway: another one, started for that, or the provider that the run was given."""

    # Endpoint, region, access key and secret key of a server that somebody else runs.
    provider = None

    def __init__(self, binary, root):
        self.gateway = None
        if not self.provider:
            root.mkdir(parents=True, exist_ok=True)
            self.gateway = Last(binary, root)

    def start(self):
        if self.gateway:
            self.gateway.start()
        return self

    def stop(self):
        if self.gateway:
            self.gateway.stop()

    @property
    def _where(self):
        return self.provider or (self.gateway.endpoint, REGION, ACCESS_KEY, SECRET_KEY)

    def make(self, bucket):
        """Makes a bucket there; at a provider, which has others, it may not be there before."""
        endpoint, region, access_key, secret_key = self._where
        session = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            region_name=region,
        )
        session.create_bucket(Bucket=bucket)

    @property
    def account(self):
        """What connects an account there."""
        endpoint, region, access_key, secret_key = self._where
        credentials = {"accessKeyId": access_key, "secretAccessKey": secret_key}
        return {"endpoint": endpoint, "region": region, "forcePathStyle": True, **credentials}

    def settings(self, bucket):
        """What keeps a gateway's blobs in a bucket there."""
        endpoint, region, access_key, secret_key = self._where
        return {
            "WINDLASS_BLOBS_KIND": "s3",
            "WINDLASS_BLOBS_ENDPOINT": endpoint,
            "WINDLASS_BLOBS_REGION": region,
            "WINDLASS_BLOBS_BUCKET": bucket,
            "WINDLASS_BLOBS_PREFIX": "gateway",
            "WINDLASS_BLOBS_ACCESS_KEY": access_key,
            "WINDLASS_BLOBS_SECRET_KEY": secret_key,
        }
