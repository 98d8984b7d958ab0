"""The uploads API in the hands of a browser, and its webhooks in the hands of published libraries."""

import hashlib
import http.server
import json
import queue
import random
import shutil
import subprocess
import threading
from base64 import urlsafe_b64encode
from pathlib import Path

import jwt
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from gateway import clean_environment, fetch
from management import TOKEN

MIB = 1 << 20
BROWSER = Path(__file__).parent / "js" / "browser.mjs"


@pytest.fixture(scope="module")
def gateway_settings():
    return {
        "WINDLASS_ROOT_TOKEN": TOKEN,
        "WINDLASS_UPLOADS_DEMO": "true",
        "WINDLASS_WEBHOOKS_ALLOW_PRIVATE": "true",
    }


class Receiver:
    """Takes every webhook, and hands it on as it came."""

    def __init__(self):
        told = self.told = queue.Queue()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                told.put((dict(self.headers.items()), body))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self):
        headers, body = self.told.get(timeout=60)
        return {name.lower(): value for name, value in headers.items()}, body


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()


class Project:
    def __init__(self, endpoint, url):
        self.endpoint = endpoint
        self.id = self.call("POST", "/projects", {"name": "App"}, 201)["id"]
        route = {"slug": "files", "maxFileSize": 1 << 30, "webhookUrl": url}
        self.call("POST", f"/projects/{self.id}/routers", route, 201)
        self.key = self.call("POST", f"/projects/{self.id}/keys", {}, 201)["key"]

    def call(self, method, path, document=None, status=200, key=TOKEN):
        body = None if document is None else json.dumps(document)
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        answered, _, told = fetch(f"{self.endpoint}/api/v1{path}", method, body, headers)
        assert answered == status, told
        return json.loads(told)

    def upload(self, body):
        said = {"fileName": "a.txt", "fileSize": len(body), "contentType": "text/plain", "routeSlug": "files"}
        asked = self.call("POST", "/upload/request", said, key=self.key)
        assert fetch(asked["uploadUrl"], "PUT", body, {"content-type": "text/plain"})[0] == 200
        return self.call("POST", "/upload/complete", {"fileId": asked["fileId"]}, key=self.key)

    def signing_keys(self):
        told = self.call("GET", f"/projects/{self.id}/signing-keys")
        return told["currentSigningKey"], told["nextSigningKey"]


@pytest.fixture
def project(gateway, receiver):
    return Project(gateway.endpoint, receiver.url)


def token_claims(headers, body, secret, url):
    """What the token says, verified as receivers do: signature, times, issuer, destination, and the digest of the body."""
    claims = jwt.decode(
        headers["upstash-signature"], secret, algorithms=["HS256"], issuer="Upstash", subject=url,
        options={"require": ["iss", "sub", "iat", "nbf", "exp", "jti", "body"]},
    )
    digest = urlsafe_b64encode(hashlib.sha256(body).digest()).decode().rstrip("=")
    assert claims["body"].rstrip("=") == digest
    return claims


def test_published_libraries_verify_both_signatures(project, receiver):
    file = project.upload(b"hello")
    headers, body = receiver.next()
    current, following = project.signing_keys()
    claims = token_claims(headers, body, current, receiver.url)
    assert claims["exp"] - claims["iat"] == 300
    for secret in (current, f"whsec_{current}", following):
        assert Webhook(secret).verify(body, headers)["file"]["id"] == file["id"]
    with pytest.raises(jwt.InvalidSignatureError):
        token_claims(headers, body, following, receiver.url)
    with pytest.raises(WebhookVerificationError):
        Webhook(current).verify(body + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 43 + "=").verify(body, headers)


def test_a_rotation_leaves_no_gap(project, receiver):
    before, following = project.signing_keys()
    project.upload(b"one")
    headers, body = receiver.next()
    token_claims(headers, body, before, receiver.url)
    assert project.call("POST", f"/projects/{project.id}/signing-keys/rotate", {})["currentSigningKey"] == following
    project.upload(b"two")
    headers, body = receiver.next()
    # Who knew both before takes it by either form.
    token_claims(headers, body, following, receiver.url)
    Webhook(following).verify(body, headers)


def test_a_route_is_tried_at_once(project, receiver):
    route = project.call("GET", f"/projects/{project.id}/routers")["items"][0]["id"]
    told = project.call("POST", f"/routers/{route}/webhook/test", {})
    assert told == {"delivered": True, "status": 200, "error": None}
    headers, body = receiver.next()
    current, _ = project.signing_keys()
    token_claims(headers, body, current, receiver.url)
    assert Webhook(current).verify(body, headers)["test"] is True


def test_a_browser_resumes_what_a_closed_page_began(clients, gateway, project, receiver, seed, tmp_path):
    chromium, node = shutil.which("chromium"), shutil.which("node")
    assert chromium and node, "no chromium or no node: run setup.sh"
    content = random.Random(seed).randbytes(60 * MIB)
    (tmp_path / "film.bin").write_bytes(content)
    environment = clean_environment(
        tmp_path, CHROMIUM=chromium, CLIENTS_NODE=clients / "node", ENDPOINT=gateway.endpoint,
        FILE=tmp_path / "film.bin", PROJECT_KEY=project.key, SHOTS=tmp_path,
    )
    done = subprocess.run([node, BROWSER], env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["errors"] == [], told
    assert 0 < told["reached"] < 1, told
    assert len(told["before"]) >= 4 and not set(told["before"]) & set(told["again"]), told
    # What was under way when the page was closed has arrived or not; what has is not sent again either.
    never = set(range(1, 13)) - {*told["before"], *told["again"]}
    assert never <= set(told["begun"]), told
    assert (told["state"], told["ended"]) == ("Done", 1), told
    headers, body = receiver.next()
    file = Webhook(project.signing_keys()[0]).verify(body, headers)["file"]
    assert (file["fileSize"], file["fileName"]) == (60 * MIB, "film.bin")
    assert file["url"] in told["result"]
    assert fetch(file["url"])[2] == content
