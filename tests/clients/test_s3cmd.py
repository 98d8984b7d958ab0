"""s3cmd, configured with its endpoint and keys, everything else at its default.

That includes the region `US` it signs with: it learns the right one from AuthorizationHeaderMalformed's <Region>.
"""

import pytest

from aws import absent, body, put
from gateway import ACCESS_KEY, SECRET_KEY, clean_environment, fetch, run
from samples import MIB, md5, multipart_etag, seeded_bytes, sha256, slices, tree_sums, write_file, write_tree

CONFIGURATION = """[default]
access_key = {access_key}
secret_key = {secret_key}
host_base = {host}
host_bucket = {host}
use_https = False
"""


@pytest.fixture(scope="module")
def s3cmd(clients, gateway, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    (home / ".s3cfg").write_text(
        CONFIGURATION.format(access_key=ACCESS_KEY, secret_key=SECRET_KEY, host=gateway.host)
    )

    def call(*words, **options):
        output = run([clients / "venv/bin/s3cmd", *words], clean_environment(home), **{"seconds": 280, **options})
        return output if isinstance(output, str) else output.decode()

    return call


@pytest.fixture
def uri(s3cmd, bucket_name):
    s3cmd("mb", f"s3://{bucket_name}")
    return f"s3://{bucket_name}"


def keys(s3, bucket):
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_buckets(s3cmd, bucket_name):
    s3cmd("mb", f"s3://{bucket_name}")
    assert f"s3://{bucket_name}" in [line.split()[-1] for line in s3cmd("ls").splitlines()]
    s3cmd("rb", f"s3://{bucket_name}")
    assert "NoSuchBucket" in s3cmd("ls", f"s3://{bucket_name}", fails=True)


@pytest.mark.parametrize("size", [0, 1, 12345])
def test_put_and_get(s3cmd, uri, s3, bucket_name, tmp_path, seed, size):
    data = write_file(tmp_path / "up.txt", seed, size)
    s3cmd("put", tmp_path / "up.txt", f"{uri}/dir/a +%\u00fc", "--add-header", "Cache-Control: no-cache")
    head = s3.head_object(Bucket=bucket_name, Key="dir/a +%\u00fc")
    assert (head["ETag"], head["CacheControl"]) == (f'"{md5(data)}"', "no-cache")
    s3cmd("get", f"{uri}/dir/a +%\u00fc", tmp_path / "down.txt")
    assert (tmp_path / "down.txt").read_bytes() == data


def test_multipart_put(s3cmd, uri, s3, bucket_name, tmp_path, seed):
    data = write_file(tmp_path / "up", seed, 40 * MIB + 1)
    s3cmd("put", tmp_path / "up", f"{uri}/big")
    assert s3.head_object(Bucket=bucket_name, Key="big")["ETag"] == multipart_etag(slices(data, 15 * MIB))
    s3cmd("get", f"{uri}/big", tmp_path / "down")
    assert sha256((tmp_path / "down").read_bytes()) == sha256(data)


def test_put_from_standard_input(s3cmd, uri, s3, bucket_name, seed):
    data = seeded_bytes(seed, 16 * MIB)
    s3cmd("put", "-", f"{uri}/streamed", stdin=data)
    assert sha256(body(s3, bucket_name, "streamed")) == sha256(data)


def test_get_continues_where_it_stopped(s3cmd, uri, s3, bucket_name, tmp_path, seed):
    data = seeded_bytes(seed, 100_000)
    put(s3, bucket_name, "key", data=data)
    (tmp_path / "down").write_bytes(data[:40_000])
    s3cmd("get", "--continue", f"{uri}/key", tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == data


def test_sync_of_a_tree(s3cmd, uri, tmp_path, seed):
    source = write_tree(tmp_path / "source", seed)
    s3cmd("sync", f"{source}/", f"{uri}/tree/")
    assert "upload:" not in s3cmd("sync", f"{source}/", f"{uri}/tree/")
    (tmp_path / "restored").mkdir()
    s3cmd("sync", f"{uri}/tree/", f"{tmp_path}/restored/")
    assert tree_sums(tmp_path / "restored") == tree_sums(source)

    (source / "a/new file").write_bytes(b"new")
    (source / "empty").unlink()
    s3cmd("sync", "--delete-removed", f"{source}/", f"{uri}/tree/")
    s3cmd("sync", "--delete-removed", f"{uri}/tree/", f"{tmp_path}/restored/")
    assert tree_sums(tmp_path / "restored") == tree_sums(source)


def test_listings(s3cmd, uri, s3, bucket_name):
    put(s3, bucket_name, "a b", "dir/one", "dir/sub/two", "\u00fc+%", data=b"12345")
    assert [line.split()[-1] for line in s3cmd("ls", f"{uri}/dir/").splitlines()] == [
        f"{uri}/dir/sub/", f"{uri}/dir/one",
    ]
    listed = [line.split(None, 3)[3] for line in s3cmd("ls", "--recursive", uri).splitlines()]
    assert listed == [f"{uri}/{key}" for key in ("a b", "dir/one", "dir/sub/two", "\u00fc+%")]
    assert s3cmd("du", uri).split()[:2] == ["20", "4"]
    assert f"{uri}/dir/sub/two" in s3cmd("la", "--recursive")


def test_listing_beyond_one_page(s3cmd, uri, s3, bucket_name):
    names = [f"k{number:04} +" for number in range(1003)]
    put(s3, bucket_name, *names)
    assert len(s3cmd("ls", uri).splitlines()) == 1003
    s3cmd("del", "--recursive", "--force", uri)
    assert keys(s3, bucket_name) == []


def test_cp_and_mv(s3cmd, uri, s3, bucket_name):
    s3.put_object(Bucket=bucket_name, Key="a +%\u00fc", Body=b"content", Metadata={"a": "1"}, ContentType="text/x")
    s3cmd("cp", f"{uri}/a +%\u00fc", f"{uri}/copy +%")
    s3cmd("mv", f"{uri}/a +%\u00fc", f"{uri}/moved")
    assert keys(s3, bucket_name) == ["copy +%", "moved"]
    for key in ("copy +%", "moved"):
        answer = s3.get_object(Bucket=bucket_name, Key=key)
        assert answer["Body"].read() == b"content"
        assert (answer["Metadata"]["a"], answer["ContentType"]) == ("1", "text/x")


def test_modify_replaces_headers_in_place(s3cmd, uri, s3, bucket_name):
    s3.put_object(Bucket=bucket_name, Key="key", Body=b"content", Metadata={"a": "1"})
    s3cmd("modify", "--add-header", "Cache-Control: max-age=5", "--add-header", "x-amz-meta-b: 2", f"{uri}/key")
    answer = s3.get_object(Bucket=bucket_name, Key="key")
    assert answer["Body"].read() == b"content"
    assert (answer["CacheControl"], answer["Metadata"]) == ("max-age=5", {"a": "1", "b": "2"})


def test_del(s3cmd, uri, s3, bucket_name):
    put(s3, bucket_name, "dir/a", "dir/b +%&<>", "dir.txt", "other \u00fc")
    s3cmd("del", f"{uri}/other \u00fc")
    absent(s3, bucket_name, "other \u00fc")
    s3cmd("del", "--recursive", f"{uri}/dir/")
    assert keys(s3, bucket_name) == ["dir.txt"]


def test_signurl(s3cmd, uri, s3, bucket_name):
    put(s3, bucket_name, "dir/a +\u00fc", data=b"signed")
    url = s3cmd("signurl", f"{uri}/dir/a +\u00fc", "+300").strip()
    assert "AWSAccessKeyId=" in url
    status, _, got = fetch(url)
    assert (status, got) == (200, b"signed")
    assert fetch(s3cmd("signurl", f"{uri}/dir/a +\u00fc", "1000000000").strip())[0] == 403


def test_open_uploads_are_listed_and_aborted(s3cmd, uri, s3, bucket_name):
    upload = s3.create_multipart_upload(Bucket=bucket_name, Key="open")["UploadId"]
    s3.upload_part(Bucket=bucket_name, Key="open", UploadId=upload, PartNumber=1, Body=b"x")
    assert upload in s3cmd("multipart", uri)
    assert md5(b"x") in s3cmd("listmp", f"{uri}/open", upload)
    s3cmd("abortmp", f"{uri}/open", upload)
    assert upload not in s3cmd("multipart", uri)
