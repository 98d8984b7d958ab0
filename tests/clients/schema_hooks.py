"""What schemathesis is told of the API beyond its document. It runs inside schemathesis, which test_schema.py starts.

Things that are there, so that not every request is about something that is not; and which refusals of valid data depend on
what is there, or on a rule that no schema can tell. Every other refusal of valid data is a failure.
"""

import json
import os
import re
import zlib

import schemathesis

# Made by test_schema.py: parameters of what must stay, such as the key that asks; of what is there; and for DELETE of some
# that may go.
THINGS = json.loads(os.environ["WINDLASS_SCHEMA_THINGS"])

# Refusals of data that its schema allows, in the contract's words, by operation.
ANYWHERE = ("Bucket is not active", "Invalid cursor")
REFUSED = {
    "POST /v1/buckets": ("Invalid bucket name", "Invalid origin URL", "AWS account is not active"),
    "PATCH /v1/buckets/{bucketId}": (
        "Invalid origin URL",
        "managedSettings is for buckets in a connected account",
    ),
    "POST /v1/aws-accounts": ("accessKeyId and secretAccessKey must be given together",),
    "PATCH /v1/aws-accounts/{accountId}": ("accessKeyId and secretAccessKey must be given together",),
    "POST /v1/aws-accounts/{accountId}/validate": (
        "Role ARN is required before validation",
        "Validation failed: .+",
    ),
    "GET /v1/aws-accounts/{accountId}/s3-buckets": ("AWS account is not active",),
    "POST /v1/aws-accounts/{accountId}/import": ("S3 bucket not found: .+", "S3 bucket named twice: .+"),
    "POST /v1/buckets/{bucketId}/retry": ("Only failed buckets can be retried",),
    "PUT /v1/buckets/{bucketId}/files/{path}": (
        "File type not allowed",
        r"File exceeds the bucket's maximum size of \d+ bytes",
        "File path is too long: at most 1024 bytes",
    ),
    "GET /v1/buckets/{bucketId}/files/{path}": ("File path is too long: at most 1024 bytes",),
    "DELETE /v1/buckets/{bucketId}/files/{path}": ("File path is too long: at most 1024 bytes",),
    "PATCH /v1/kv/{kvId}": ("The secret key cannot be added to a bucket that was made without one",),
    "POST /v1/keys": ("expiresAt must be in the future", "Invalid bucket IDs: .+"),
    "POST /v1/files/upload": (
        "File type not allowed",
        r"File exceeds the bucket's maximum size of \d+ bytes",
        "File path is too long: at most 1024 bytes",
    ),
    "POST /v1/folders": ("File type not allowed", "Invalid folder id", "File path is too long: at most 1024 bytes"),
    "GET /v1/folders": ("Invalid folder id",),
    "POST /v1/share": ("Invalid resource_id",),
}


def told(response):
    """The message of an error, in either form."""
    document = response.json()
    error = document.get("error")
    return error["message"] if isinstance(error, dict) else document.get("message", "")


# A field of a form is text, whatever was made of it before it was put there: that it was no text cannot be seen any more.
FORM_TYPE = re.compile(r"violates `type` at /properties/(key|content_type)\b")


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Keeps every failure but the refusal of valid data for what is there, and what is right although no schema tells it."""
    kind, label = type(failure).__name__, f"{case.method.upper()} {case.path}"
    if kind == "UseAfterFree" and label == "GET /v1/buckets/{bucketId}":
        # A bucket is shown until it has been emptied.
        return response.json()["data"]["status"] != "deleting"
    if kind == "EnsureResourceAvailability" and label == "GET /v1/buckets/{bucketId}/adopt":
        # What was never adopted has nothing to tell of it.
        return told(response) != "Bucket was never adopted"
    if kind == "EnsureResourceAvailability" and label == "POST /v1/aws-accounts/{accountId}/import":
        # An account is there for that once it has been validated.
        return told(response) != "Active AWS account not found"
    if kind == "AcceptedNegativeData" and label == "POST /v1/files/upload":
        broken = failure.message.count("violates")
        return broken == 0 or broken != len(FORM_TYPE.findall(failure.message))
    if kind != "RejectedPositiveData" or response.status_code not in (400, 413, 415):
        return True
    return not any(re.fullmatch(rule, told(response)) for rule in (*ANYWHERE, *REFUSED.get(label, ())))


@schemathesis.hook
def before_call(context, case, kwargs):
    """Keeps what must stay, and asks half of the time about something that is there."""
    parameters, deletes = case.path_parameters or {}, case.method.upper() == "DELETE"
    if isinstance(case.body, dict) and isinstance(case.body.get("endpoint"), str):
        # Nobody is asked who is not here.
        case.body["endpoint"] = THINGS["nowhere"]
    spared = False
    for name, kept in THINGS["kept"].items():
        if deletes and case.path.endswith("{" + name + "}") and parameters.get(name) in kept:
            parameters[name] = kept[0][:4] + "0" * (len(kept[0]) - 4)
            spared = True
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive or meta.phase.name.value != "fuzzing":
        return
    drawn = repr((case.method, case.path, parameters, case.query, case.body))
    # It may draw the same again and again, one that is kept; those are all about what may go.
    if zlib.crc32(drawn.encode("utf-8", "replace")) % 2 and not spared:
        return
    if case.path.endswith("/import") and isinstance(case.body, dict):
        case.body["bucketNames"] = [THINGS["theirs"].pop()] if THINGS["theirs"] else ["missing"]
    for name in parameters:
        spare = THINGS["spare"].get(name, [])
        if deletes and case.path.endswith("{" + name + "}"):
            if spare:
                parameters[name] = spare.pop()
        elif name == "accountId" and case.method.upper() == "PATCH":
            # The one that works goes on working.
            parameters[name] = THINGS["spare"][name][0] if spare else parameters[name]
        elif name in THINGS["there"]:
            parameters[name] = THINGS["there"][name]
    if "bucket" in (case.query or {}):
        case.query["bucket"] = THINGS["bucket"]
