"""What copies, completes and deletes cost beside a small commit, and what they leave on disk.

    target/clients/venv/bin/python tests/clients/by_reference.py --binary target/release/windlass

Starts its own gateway. Puts 1 GiB, copies it, completes an upload of 1,000 parts, deletes all of it; prints for each the
time as the client sees it and as the gateway's log has it, beside those of small PUTs, and the bytes under the blob folder.
"""

import argparse
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

import boto3
from botocore.config import Config

MIB = 1 << 20
PART = 5 * MIB


def disk_bytes(folder):
    return sum(f.stat().st_size for f in pathlib.Path(folder).rglob("*") if f.is_file())


class Log:
    """The gateway's log: how long it took over the latest requests."""

    def __init__(self, path):
        self.path = path

    def latest_ms(self, count):
        found = re.findall(r"duration_us=(\d+)", self.path.read_text())
        return [int(us) / 1000 for us in found[-count:]]


def timed(log, label, work):
    start = time.perf_counter()
    result = work()
    client = (time.perf_counter() - start) * 1000
    print(f"{label:<34}{client:10.1f} ms, in the gateway {log.latest_ms(1)[0]:8.1f} ms", flush=True)
    return result


def small_puts(s3, log, bucket):
    times = []
    for n in range(50):
        start = time.perf_counter()
        s3.put_object(Bucket=bucket, Key=f"small/{n}", Body=b"x" * 100)
        times.append((time.perf_counter() - start) * 1000)
    inside = statistics.median(log.latest_ms(50))
    label = "small durable PUT, median of 50"
    print(f"{label:<34}{statistics.median(times):10.1f} ms, in the gateway {inside:8.1f} ms", flush=True)


def start(binary, data):
    env = dict(os.environ, WINDLASS_ROOT_ACCESS_KEY="by-reference", WINDLASS_ROOT_SECRET_KEY="by-reference-secret")
    log = pathlib.Path(data, "..", os.path.basename(data) + ".log")
    process = subprocess.Popen([binary, "serve", "--data", data, "--listen", "127.0.0.1:0"], env=env,
                               stdout=subprocess.PIPE, stderr=log.open("w"), text=True)
    return process, process.stdout.readline().split()[-1], Log(log)


def measure(s3, log, blobs, parts):
    s3.create_bucket(Bucket="reference")
    small_puts(s3, log, "reference")
    body = os.urandom(MIB) * 1024
    timed(log, "PUT 1 GiB", lambda: s3.put_object(Bucket="reference", Key="big", Body=body))
    before = disk_bytes(blobs)
    source = {"Bucket": "reference", "Key": "big"}
    timed(log, "CopyObject 1 GiB", lambda: s3.copy_object(Bucket="reference", Key="copy", CopySource=source))
    print(f"blob bytes before and after copy  {before} {disk_bytes(blobs)}")

    upload = s3.create_multipart_upload(Bucket="reference", Key="parts")["UploadId"]
    piece = os.urandom(PART)

    def put_part(number):
        etag = s3.upload_part(Bucket="reference", Key="parts", UploadId=upload, PartNumber=number, Body=piece)["ETag"]
        return {"PartNumber": number, "ETag": etag}

    listed = [put_part(n + 1) for n in range(parts)]
    before = disk_bytes(blobs)
    timed(log, f"Complete of {parts} parts", lambda: s3.complete_multipart_upload(
        Bucket="reference", Key="parts", UploadId=upload, MultipartUpload={"Parts": listed}))
    print(f"blob bytes before and after it    {before} {disk_bytes(blobs)}")
    assert s3.head_object(Bucket="reference", Key="parts")["ContentLength"] == parts * PART
    timed(log, f"CopyObject of {parts} parts", lambda: s3.copy_object(
        Bucket="reference", Key="parts2", CopySource={"Bucket": "reference", "Key": "parts"}))
    print(f"blob bytes after it               {disk_bytes(blobs)}")
    for key in ["copy", "big", "parts", "parts2"]:
        timed(log, f"Delete {key}", lambda: s3.delete_object(Bucket="reference", Key=key))
    small_puts(s3, log, "reference")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--binary", default="target/release/windlass")
    arguments.add_argument("--parts", type=int, default=1000)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir="target") as data:
        process, endpoint, log = start(given.binary, data)
        try:
            s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="by-reference",
                              aws_secret_access_key="by-reference-secret",
                              config=Config(retries={"max_attempts": 1}, read_timeout=300))
            measure(s3, log, os.path.join(data, "blobs"), given.parts)
        finally:
            process.terminate()
            process.wait(timeout=60)
            log.path.unlink()


if __name__ == "__main__":
    main()
