"""minio-py."""

import io
from datetime import timedelta

import pytest
from minio import Minio
from minio.commonconfig import REPLACE, ComposeSource, CopySource
from minio.deleteobjects import DeleteObject
from minio.error import S3Error

from gateway import ACCESS_KEY, SECRET_KEY, fetch
from samples import MIB, ODD_KEYS, PART_MIN, md5, multipart_etag, seeded_bytes, sha256, slices, write_file


@pytest.fixture(scope="module")
def client(gateway):
    return Minio(gateway.host, access_key=ACCESS_KEY, secret_key=SECRET_KEY, secure=False)


def put(client, bucket, *keys, data=b"x"):
    for key in keys:
        client.put_object(bucket, key, io.BytesIO(data), len(data))


def body(client, bucket, key, **options):
    answer = client.get_object(bucket, key, **options)
    try:
        return answer.read()
    finally:
        answer.close()
        answer.release_conn()


def code(call, *words, **options):
    with pytest.raises(S3Error) as caught:
        call(*words, **options)
    return caught.value.code


def keys(client, bucket, **options):
    return [entry.object_name for entry in client.list_objects(bucket, **options)]


@pytest.mark.own_bucket("the bucket is linked before it is made")
def test_buckets(client, bucket_name):
    assert not client.bucket_exists(bucket_name)
    client.make_bucket(bucket_name)
    assert client.bucket_exists(bucket_name)
    assert bucket_name in [entry.name for entry in client.list_buckets()]
    client.remove_bucket(bucket_name)
    assert code(client.remove_bucket, bucket_name) == "NoSuchBucket"


@pytest.mark.parametrize("name", [name for name, key in ODD_KEYS.items() if not {".", ".."} & set(key.split("/"))])
def test_odd_key_round_trip(client, bucket, name, seed):
    """minio-py itself refuses keys with `.` and `..` segments."""
    key, data = ODD_KEYS[name], seeded_bytes(seed, 1000)
    put(client, bucket, key, data=data)
    assert body(client, bucket, key) == data
    assert client.stat_object(bucket, key).size == 1000
    client.remove_object(bucket, key)
    assert code(client.stat_object, bucket, key) == "NoSuchKey"


@pytest.mark.parametrize("size", [0, 1, PART_MIN, 64 * MIB + 1])
def test_fput_and_fget(client, bucket, tmp_path, seed, size):
    data = write_file(tmp_path / "up", seed, size)
    sent = client.fput_object(bucket, "key", str(tmp_path / "up"), "text/x-file", metadata={"a": "1"})
    stat = client.stat_object(bucket, "key")
    assert (stat.size, stat.etag, stat.content_type) == (size, sent.etag, "text/x-file")
    assert stat.metadata["x-amz-meta-a"] == "1"
    if size <= PART_MIN:
        assert stat.etag == md5(data)
    client.fget_object(bucket, "key", str(tmp_path / "down"))
    assert sha256((tmp_path / "down").read_bytes()) == sha256(data)


def test_stream_of_unknown_length(client, bucket, seed):
    data = seeded_bytes(seed, 2 * PART_MIN + 3)
    client.put_object(bucket, "key", io.BytesIO(data), -1, part_size=PART_MIN)
    stat = client.stat_object(bucket, "key")
    assert f'"{stat.etag}"' == multipart_etag(slices(data, PART_MIN))
    assert sha256(body(client, bucket, "key")) == sha256(data)


def test_ranges(client, bucket):
    put(client, bucket, "key", data=b"0123456789")
    assert body(client, bucket, "key", offset=3, length=4) == b"3456"
    assert body(client, bucket, "key", offset=7) == b"789"
    assert code(client.get_object, bucket, "key", offset=10, length=1) == "InvalidRange"


def test_list(client, bucket):
    names = ["a b", "dir/1", "dir/2", "dir/sub/3", "line\nbreak", "\u00fc+%&"]
    put(client, bucket, *names)
    assert keys(client, bucket, recursive=True) == names
    assert keys(client, bucket) == ["a b", "line\nbreak", "\u00fc+%&", "dir/"]
    assert keys(client, bucket, prefix="dir/") == ["dir/1", "dir/2", "dir/sub/"]
    assert keys(client, bucket, recursive=True, start_after="dir/1") == names[2:]
    assert keys(client, bucket, recursive=True, use_api_v1=True) == names
    assert code(lambda: keys(client, "no-such-bucket-here")) == "NoSuchBucket"


def test_copy(client, bucket):
    name = "source +%25?#\u00fc"
    client.put_object(bucket, name, io.BytesIO(b"content"), 7, "text/x", metadata={"a": "1"})
    client.copy_object(bucket, "copy", CopySource(bucket, name))
    assert body(client, bucket, "copy") == b"content"
    assert client.stat_object(bucket, "copy").metadata["x-amz-meta-a"] == "1"
    client.copy_object(bucket, name, CopySource(bucket, name), metadata={"b": "2"}, metadata_directive=REPLACE)
    metadata = client.stat_object(bucket, name).metadata
    assert metadata["x-amz-meta-b"] == "2" and "x-amz-meta-a" not in metadata
    assert body(client, bucket, name) == b"content"
    assert code(client.copy_object, bucket, "x", CopySource(bucket, "missing")) == "NoSuchKey"


def test_compose(client, bucket, seed):
    parts = [seeded_bytes(f"{seed}/{number}", PART_MIN + number) for number in range(3)] + [b"last"]
    for number, data in enumerate(parts):
        put(client, bucket, f"part {number}", data=data)
    sources = [ComposeSource(bucket, f"part {number}") for number in range(len(parts))]
    sources[1] = ComposeSource(bucket, "part 1", offset=1, length=PART_MIN)
    client.compose_object(bucket, "composed", sources)
    expected = parts[0] + parts[1][1 : PART_MIN + 1] + parts[2] + parts[3]
    assert sha256(body(client, bucket, "composed")) == sha256(expected)


def test_remove_objects(client, bucket):
    names = [f"k{number:04} +&<>" for number in range(1005)]
    put(client, bucket, *names)
    errors = list(client.remove_objects(bucket, [DeleteObject(name) for name in [*names, "absent"]]))
    assert errors == []
    assert keys(client, bucket, recursive=True) == []


def test_presigned(client, bucket, seed):
    data, name = seeded_bytes(seed, 10_000), "dir/a +%\u00fc"
    assert fetch(client.presigned_put_object(bucket, name), "PUT", data)[0] == 200
    status, _, got = fetch(client.presigned_get_object(bucket, name, expires=timedelta(minutes=5)))
    assert (status, got) == (200, data)
    status, headers, _ = fetch(
        client.get_presigned_url("GET", bucket, name, response_headers={"response-content-type": "text/x-other"})
    )
    assert (status, headers["Content-Type"]) == (200, "text/x-other")
    assert fetch(client.get_presigned_url("DELETE", bucket, name), "DELETE")[0] == 204
    assert code(client.stat_object, bucket, name) == "NoSuchKey"


@pytest.mark.own_bucket("deleting a linked bucket forgets the link, whatever it holds")
def test_error_codes(client, bucket):
    assert code(client.get_object, bucket, "missing") == "NoSuchKey"
    assert code(client.get_object, "no-such-bucket-here", "key") == "NoSuchBucket"
    put(client, bucket, "key")
    assert code(client.remove_bucket, bucket) == "BucketNotEmpty"
