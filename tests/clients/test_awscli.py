"""AWS CLI (v1 from PyPI): the commands people put in scripts."""

import json

import pytest

from aws import body, put
from gateway import fetch, run
from samples import MIB, md5, multipart_etag, seeded_bytes, sha256, slices, tree_sums, write_file, write_tree


@pytest.fixture(scope="module")
def aws(clients, aws_environment):
    def call(*words, **options):
        output = run([clients / "venv/bin/aws", *words], aws_environment, **options)
        return output if isinstance(output, str) else output.decode()

    return call


@pytest.fixture
def uri(aws, bucket_name):
    aws("s3", "mb", f"s3://{bucket_name}")
    return f"s3://{bucket_name}"


def test_buckets(aws, bucket_name):
    assert aws("s3", "mb", f"s3://{bucket_name}") == f"make_bucket: {bucket_name}\n"
    assert bucket_name in [line.split()[2] for line in aws("s3", "ls").splitlines()]
    assert aws("s3", "rb", f"s3://{bucket_name}") == f"remove_bucket: {bucket_name}\n"
    assert "NoSuchBucket" in aws("s3", "ls", f"s3://{bucket_name}", fails=True)


@pytest.mark.own_bucket("deleting a linked bucket forgets the link, whatever it holds")
def test_rb_of_a_filled_bucket_needs_force(aws, uri, s3, bucket_name):
    put(s3, bucket_name, "a", "b/c")
    assert "BucketNotEmpty" in aws("s3", "rb", uri, fails=True)
    aws("s3", "rb", uri, "--force")
    assert "NoSuchBucket" in aws("s3", "ls", uri, fails=True)


@pytest.mark.parametrize("size", [0, 1, 12345])
def test_cp_of_a_small_file(aws, uri, s3, bucket_name, tmp_path, seed, size):
    data = write_file(tmp_path / "up.txt", seed, size)
    aws("s3", "cp", tmp_path / "up.txt", f"{uri}/dir/up.txt", "--metadata", "a=1", "--cache-control", "no-cache")
    head = s3.head_object(Bucket=bucket_name, Key="dir/up.txt")
    assert (head["ETag"], head["Metadata"]) == (f'"{md5(data)}"', {"a": "1"})
    assert (head["ContentType"], head["CacheControl"]) == ("text/plain", "no-cache")
    aws("s3", "cp", f"{uri}/dir/up.txt", tmp_path / "down.txt")
    assert (tmp_path / "down.txt").read_bytes() == data


def test_cp_of_100_mib_and_its_server_side_copy(aws, uri, s3, bucket_name, tmp_path, seed):
    data = write_file(tmp_path / "up", seed, 100 * MIB)
    aws("s3", "cp", tmp_path / "up", f"{uri}/big")
    etag = multipart_etag(slices(data, 8 * MIB))
    assert s3.head_object(Bucket=bucket_name, Key="big")["ETag"] == etag
    aws("s3", "cp", f"{uri}/big", f"{uri}/copy of big")
    assert s3.head_object(Bucket=bucket_name, Key="copy of big")["ETag"] == etag
    aws("s3", "mv", f"{uri}/copy of big", tmp_path / "down")
    assert sha256((tmp_path / "down").read_bytes()) == sha256(data)
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket_name)["Contents"]] == ["big"]


def test_cp_streams(aws, uri, s3, bucket_name, seed):
    data = seeded_bytes(seed, 9 * MIB)
    aws("s3", "cp", "-", f"{uri}/streamed", stdin=data)
    assert sha256(body(s3, bucket_name, "streamed")) == sha256(data)
    put(s3, bucket_name, "text", data=b"to standard output")
    assert aws("s3", "cp", f"{uri}/text", "-") == "to standard output"


def test_sync_of_a_tree(aws, uri, tmp_path, seed):
    source = write_tree(tmp_path / "source", seed)
    aws("s3", "sync", source, f"{uri}/tree", "--quiet", seconds=280)
    assert aws("s3", "sync", source, f"{uri}/tree", seconds=280) == ""
    aws("s3", "sync", f"{uri}/tree", tmp_path / "restored", "--quiet", seconds=280)
    assert tree_sums(tmp_path / "restored") == tree_sums(source)

    (source / "a/new file").write_bytes(b"new")
    (source / "empty").unlink()
    told = aws("s3", "sync", source, f"{uri}/tree", "--delete", "--no-progress")
    assert sorted(line.split(":")[0] for line in told.splitlines()) == ["delete", "upload"]
    told = aws("s3", "sync", f"{uri}/tree", tmp_path / "restored", "--delete", "--no-progress")
    assert sorted(line.split(":")[0] for line in told.splitlines()) == ["delete", "download"]
    assert tree_sums(tmp_path / "restored") == tree_sums(source)


def test_rm_recursive_takes_the_prefix_only(aws, uri, s3, bucket_name):
    keys = ["dir/a", "dir/b +%", "dir//c", "dir/\u00fc/d", "dir/", "dir.txt", "other"]
    put(s3, bucket_name, *keys)
    aws("s3", "rm", f"{uri}/dir/", "--recursive")
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket_name)["Contents"]] == ["dir.txt", "other"]


def test_ls(aws, uri, s3, bucket_name):
    put(s3, bucket_name, "a b", "dir/one", "dir/sub/two", "\u00fc+%", data=b"12345")
    lines = [line.split(None, 3) for line in aws("s3", "ls", f"{uri}/").splitlines()]
    assert [line[-1] for line in lines] == ["dir/", "a b", "\u00fc+%"]
    assert [line[2] for line in lines[1:]] == ["5", "5"]
    told = aws("s3", "ls", uri, "--recursive", "--summarize")
    assert "Total Objects: 4\n" in told and "Total Size: 20\n" in told


def test_presign(aws, uri, s3, bucket_name, seed):
    data = seeded_bytes(seed, 1000)
    put(s3, bucket_name, "dir/a +%\u00fc", data=data)
    url = aws("s3", "presign", f"{uri}/dir/a +%\u00fc").strip()
    status, _, got = fetch(url)
    assert (status, got) == (200, data)
    assert fetch(url.replace("/dir/", "/other/"))[0] == 403


def test_s3api(aws, uri, bucket_name, tmp_path):
    (tmp_path / "file").write_bytes(b"0123456789")
    object_words = ("--bucket", bucket_name, "--key", "key")
    stored = json.loads(
        aws("s3api", "put-object", *object_words, "--body", tmp_path / "file", "--checksum-algorithm", "SHA256")
    )
    assert stored["ChecksumSHA256"] == "hNiYd/DUBB77a/kaFvAkjy/Vc+avBcGflr7bn4gveII="
    assert "PreconditionFailed" in aws(
        "s3api", "put-object", *object_words, "--body", tmp_path / "file", "--if-none-match", "*", fails=True
    )
    ranged = json.loads(aws("s3api", "get-object", *object_words, "--range", "bytes=2-4", tmp_path / "part"))
    assert (ranged["ContentRange"], (tmp_path / "part").read_bytes()) == ("bytes 2-4/10", b"234")
    told = json.loads(
        aws("s3api", "get-object-attributes", *object_words, "--object-attributes", "ETag", "ObjectSize")
    )
    assert (told["ETag"], told["ObjectSize"]) == (md5(b"0123456789"), 10)
    assert "(404)" in aws("s3api", "head-object", "--bucket", bucket_name, "--key", "missing", fails=True)
    assert "NoSuchUpload" in aws(
        "s3api", "abort-multipart-upload", *object_words, "--upload-id", "01ARZ3NDEKTSV4RRFFQ69G5FAV", fails=True
    )
