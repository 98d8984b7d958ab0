"""rclone, provider "Other", everything else at its default."""

import json
import os

import pytest

from aws import body, put
from gateway import ACCESS_KEY, REGION, SECRET_KEY, clean_environment, fetch, run
from samples import MIB, md5, seeded_bytes, sha256, tree_sums, write_file, write_tree


@pytest.fixture(scope="module")
def environment(gateway, tmp_path_factory):
    return clean_environment(
        tmp_path_factory.mktemp("home"),
        RCLONE_CONFIG_W_TYPE="s3",
        RCLONE_CONFIG_W_PROVIDER="Other",
        RCLONE_CONFIG_W_ENDPOINT=gateway.endpoint,
        RCLONE_CONFIG_W_REGION=REGION,
        RCLONE_CONFIG_W_ACCESS_KEY_ID=ACCESS_KEY,
        RCLONE_CONFIG_W_SECRET_ACCESS_KEY=SECRET_KEY,
    )


@pytest.fixture(scope="module")
def rclone(clients, environment):
    def call(*words, **options):
        output = run([clients / "venv/bin/rclone", *words], environment, **{"seconds": 280, **options})
        return output if isinstance(output, str) else output.decode()

    return call


@pytest.fixture
def remote(rclone, bucket_name):
    rclone("mkdir", f"w:{bucket_name}")
    return f"w:{bucket_name}"


def transfers(rclone, *words, log):
    """The names a copy or sync moved or changed, from rclone's own log."""
    rclone(*words, "-v", "--use-json-log", "--log-file", log)
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    return sorted(entry["object"] for entry in entries if entry.get("object"))


def test_buckets(rclone, remote, bucket_name):
    assert bucket_name in [line.split(None, 4)[4] for line in rclone("lsd", "w:").splitlines()]
    rclone("rmdir", remote)
    assert bucket_name not in rclone("lsd", "w:")


def test_sync_of_a_tree(rclone, remote, tmp_path, seed):
    source = write_tree(tmp_path / "source", seed)
    rclone("copy", source, f"{remote}/tree")
    rclone("check", "--download", source, f"{remote}/tree")
    rclone("check", source, f"{remote}/tree")
    assert transfers(rclone, "sync", source, f"{remote}/tree", log=tmp_path / "log1") == []
    rclone("copy", f"{remote}/tree", tmp_path / "restored")
    assert tree_sums(tmp_path / "restored") == tree_sums(source)

    (source / "a/new file").write_bytes(b"new")
    (source / "empty").unlink()
    assert transfers(rclone, "sync", source, f"{remote}/tree", log=tmp_path / "log2") == ["a/new file", "empty"]
    rclone("check", "--download", source, f"{remote}/tree")


def test_modification_times_survive(rclone, remote, s3, bucket_name, tmp_path):
    when = 1_234_567_890_123_456_789
    (tmp_path / "up").mkdir()
    (tmp_path / "up/file").write_bytes(b"content")
    os.utime(tmp_path / "up/file", ns=(when, when))
    rclone("copy", tmp_path / "up", remote)
    assert s3.head_object(Bucket=bucket_name, Key="file")["Metadata"]["mtime"] == "1234567890.123456789"
    assert rclone("lsf", "--format", "tsp", "--time-format", "unixnano", remote) == f"{when};7;file\n"
    rclone("copy", remote, tmp_path / "down")
    assert (tmp_path / "down/file").stat().st_mtime_ns == when


def test_touch_and_metadata_update_copy_onto_itself(rclone, remote, s3, bucket_name, tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    rclone("copy", tmp_path / "file", remote)
    later = 1_600_000_000_000_000_000
    os.utime(tmp_path / "file", ns=(later, later))
    rclone("copy", tmp_path / "file", remote)
    assert s3.head_object(Bucket=bucket_name, Key="file")["Metadata"]["mtime"] == "1600000000"
    rclone("touch", "--timestamp", "2001-02-03T04:05:06", f"{remote}/file")
    assert s3.head_object(Bucket=bucket_name, Key="file")["Metadata"]["mtime"] == "981173106"
    assert body(s3, bucket_name, "file") == b"content"


def test_metadata_beyond_ascii(rclone, remote, tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    rclone("copy", "--metadata", "--metadata-set", "title=gr\u00fc\u00dfe \u65e5\u672c", tmp_path / "file", remote)
    [entry] = json.loads(rclone("lsjson", "--metadata", remote))
    assert entry["Metadata"]["title"] == "gr\u00fc\u00dfe \u65e5\u672c"


def test_file_beyond_the_multipart_cutoff(rclone, remote, tmp_path, seed):
    write_file(tmp_path / "up/big", seed, 201 * MIB)
    rclone("copy", tmp_path / "up", remote)
    rclone("check", "--download", tmp_path / "up", remote)
    assert rclone("backend", "list-multipart-uploads", remote).count("UploadId") == 0


def test_rcat_and_cat(rclone, remote, s3, bucket_name, seed):
    for size in (0, 10, 12 * MIB):
        data = seeded_bytes(f"{seed}/{size}", size)
        rclone("rcat", f"{remote}/streamed {size}", stdin=data)
        assert sha256(body(s3, bucket_name, f"streamed {size}")) == sha256(data)
    put(s3, bucket_name, "text", data=b"0123456789")
    assert rclone("cat", "--offset", "3", "--count", "4", f"{remote}/text") == "3456"
    assert rclone("cat", "--tail", "2", f"{remote}/text") == "89"


def test_server_side_copy_and_move(rclone, remote, s3, bucket_name, tmp_path, seed):
    source = write_tree(tmp_path / "source", seed, files=60)
    rclone("copy", source, f"{remote}/one")
    rclone("copy", f"{remote}/one", f"{remote}/two")
    rclone("check", "--download", source, f"{remote}/two")
    rclone("move", f"{remote}/two", f"{remote}/three +%\u00fc")
    assert rclone("lsf", remote).splitlines() == ["one/", "three +%\u00fc/"]
    rclone("check", "--download", source, f"{remote}/three +%\u00fc")
    rclone("copyto", f"{remote}/one/empty", f"{remote}/plus+sign %41")
    rclone("moveto", f"{remote}/plus+sign %41", f"{remote}/moved")
    assert s3.head_object(Bucket=bucket_name, Key="moved")["ContentLength"] == 0


def test_move_takes_local_files_away(rclone, remote, tmp_path, seed):
    source = write_tree(tmp_path / "source", seed, files=50)
    sums = tree_sums(source)
    rclone("move", source, remote)
    assert tree_sums(source) == {}
    rclone("move", remote, tmp_path / "back")
    assert tree_sums(tmp_path / "back") == sums
    assert rclone("lsf", remote) == ""


def test_listings(rclone, remote, s3, bucket_name):
    put(s3, bucket_name, "a b", "dir/one", "dir/sub/two", "line\nbreak", "\u00fc+%", data=b"12345")
    assert rclone("lsf", "-R", "--files-only", f"{remote}/dir") == "one\nsub/two\n"
    entries = {entry["Path"]: entry["Size"] for entry in json.loads(rclone("lsjson", "-R", "--files-only", remote))}
    assert entries == {"a b": 5, "dir/one": 5, "dir/sub/two": 5, "line\u240abreak": 5, "\u00fc+%": 5}
    size = json.loads(rclone("size", "--json", remote))
    assert (size["count"], size["bytes"]) == (5, 25)
    assert f"{md5(b'12345')}  a b\n" in rclone("md5sum", remote)


def test_delete_and_purge(rclone, remote, s3, bucket_name):
    put(s3, bucket_name, "dir/a", "dir/b +%", "dir/sub/c", "kept", "line\nbreak")
    rclone("deletefile", f"{remote}/line\nbreak")
    rclone("delete", f"{remote}/dir/sub")
    assert sorted(rclone("lsf", "-R", "--files-only", remote).splitlines()) == ["dir/a", "dir/b +%", "kept"]
    rclone("purge", f"{remote}/dir")
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket_name)["Contents"]] == ["kept"]
    rclone("purge", remote)
    assert bucket_name not in rclone("lsd", "w:")


def test_cleanup_ends_stale_uploads(rclone, remote, s3, bucket_name):
    s3.create_multipart_upload(Bucket=bucket_name, Key="stale")
    rclone("cleanup", remote)
    assert len(s3.list_multipart_uploads(Bucket=bucket_name)["Uploads"]) == 1
    rclone("backend", "cleanup", "-o", "max-age=0s", remote)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket_name)


def test_presigned_link(rclone, remote, s3, bucket_name):
    put(s3, bucket_name, "a +%\u00fc", data=b"linked")
    status, _, got = fetch(rclone("link", f"{remote}/a +%\u00fc").strip())
    assert (status, got) == (200, b"linked")
