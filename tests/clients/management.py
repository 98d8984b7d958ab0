"""The management API over plain HTTP, for suites that mint keys and make what others are to find."""

import json
from dataclasses import dataclass

from gateway import fetch

TOKEN = "bkt_" + "client-tests".ljust(43, "_")

SCOPES = (
    "buckets:read",
    "buckets:write",
    "buckets:delete",
    "files:read",
    "files:write",
    "files:delete",
    "keys:read",
    "keys:write",
    "aws-accounts:read",
    "aws-accounts:write",
    "aws-accounts:delete",
    "logs:read",
)


@dataclass(frozen=True)
class Key:
    """A minted key, with all its secrets."""

    id: str
    token: str
    access: str
    secret: str


class Management:
    """`/v1` of a gateway, by a bearer token."""

    def __init__(self, endpoint, token=TOKEN):
        self.endpoint = endpoint
        self.token = token

    def call(self, method, path, document=None, headers=None, data=None):
        """Status and JSON document of an answer; None where there is no body."""
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        if document is not None:
            data = json.dumps(document).encode()
            sent["Content-Type"] = "application/json"
        status, _, answer = fetch(self.endpoint + path, method, data, sent)
        return status, json.loads(answer) if answer else None

    def done(self, method, path, document=None, **options):
        """The document of an answer that must be a success; without its envelope, if it has one."""
        status, answer = self.call(method, path, document, **options)
        assert 200 <= status < 300, (method, path, status, answer)
        return answer["data"] if isinstance(answer, dict) and "data" in answer else answer

    def mint(self, *permissions, **more):
        made = self.done("POST", "/v1/keys", {"name": "client", "permissions": list(permissions), **more})
        return Key(made["id"], made["key"], made["accessKeyId"], made["secretAccessKey"])

    def revoke(self, key):
        self.done("DELETE", f"/v1/keys/{key.id}")

    def make_bucket(self, name):
        """Makes a bucket of that name on S3; its identifier."""
        return self.done("POST", "/v1/buckets", {"name": name, "s3Name": name})["id"]
