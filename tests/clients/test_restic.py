"""restic: a backup repository in a bucket, from init to prune."""

import json
import os
import shutil

import pytest

from gateway import run
from samples import MIB, tree_sums, write_file, write_tree


@pytest.fixture(scope="module")
def restic(gateway, aws_environment):
    program = shutil.which("restic")
    assert program, "no restic: run setup.sh"
    environment = {
        **aws_environment,
        "RESTIC_REPOSITORY": f"s3:{gateway.endpoint}/backups/of/this host",
        "RESTIC_PASSWORD": "correct horse",
    }

    def call(*words):
        return run([program, *words], environment, seconds=280).decode()

    call("init")
    return call


def snapshots(restic):
    return [entry["id"] for entry in json.loads(restic("snapshots", "--json"))]


def restored(restic, snapshot, source, target):
    """The files of a snapshot, as they come out again."""
    restic("restore", snapshot, "--target", target)
    return tree_sums(f"{target}{source}")


def test_backup_restore_forget_prune(restic, tmp_path, seed):
    source = write_tree(tmp_path / "source", seed)
    first_sums = tree_sums(source)
    restic("backup", source)

    write_file(source / "a/added later", seed, 9 * MIB)
    os.remove(source / "several parts")
    second_sums = tree_sums(source)
    restic("backup", source)

    first, second = snapshots(restic)
    assert restored(restic, first, source, tmp_path / "first") == first_sums
    assert restored(restic, second, source, tmp_path / "second") == second_sums
    assert "added later" in restic("diff", first, second)
    restic("check", "--read-data")

    restic("forget", "--keep-last", "1", "--prune")
    assert snapshots(restic) == [second]
    restic("check", "--read-data")
    assert restored(restic, second, source, tmp_path / "third") == second_sums


def test_a_second_repository_in_the_same_bucket_is_apart(restic, gateway, tmp_path):
    other = f"s3:{gateway.endpoint}/backups/other"
    restic("-r", other, "init")
    write_file(tmp_path / "source/file", "fixed", 1000)
    restic("-r", other, "backup", tmp_path / "source")
    assert len(json.loads(restic("-r", other, "snapshots", "--json"))) == 1
    restic("-r", other, "check", "--read-data")
    restic("check")
