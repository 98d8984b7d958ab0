"""What the suites store: seeded bytes, odd names, trees of files, and the means to compare them exactly."""

import hashlib
import os
import random

KIB = 1024
MIB = 1024 * KIB
PART_MIN = 5 * MIB

# S3 keeps times in whole seconds, and sync compares them: a file as young as its upload may look newer than it.
FILE_TIME = 1_600_000_000

ODD_KEYS = {
    "plain": "plain.txt",
    "leading-slash": "/leading",
    "two-leading-slashes": "//leading",
    "trailing-slash": "folder/",
    "double-slash": "a//b",
    "only-slash": "/",
    "dot": "a/./b",
    "dot-dot": "a/../b",
    "leading-dot-dot": "../up",
    "only-dot-dot": "..",
    "plus": "a+b c+d",
    "percent": "100%",
    "percent-encoded": "a%2Fb%20c%25",
    "ampersand-equals": "a&b=c;d",
    "question": "what?versionId=1",
    "hash": "a#b",
    "brackets": "<>\"'[]{}|\\^`",
    "punctuation": "!*'()$,:@~-_.",
    "newline": "line\nbreak",
    "control": "tab\tcr\rbell\x07end",
    "umlaut-composed": "gr\u00fc\u00dfe/\u00e9",
    "umlaut-decomposed": "gru\u0308\u00dfe/e\u0301",
    "cjk": "\u65e5\u672c\u8a9e/\u6f22\u5b57",
    "emoji": "\U0001f680 \U0001f468\u200d\U0001f469\u200d\U0001f467",
    "trailing-space": " both ends ",
    "longest": "k" * 1024,
    "longest-unicode": "\u65e5" * 341 + "k",
}

# Names a file system takes as well as a bucket; clients turn their paths into keys.
ODD_FILE_NAMES = [
    "space in name", "plus+sign", "per%cent", "enc%2Foded%20name", "amp&ersand", "ques?tion", "ha#sh", "quo'te",
    "dquo\"te", "semi;colon", "eq=uals", "at@sign", "comma,colon:", "brackets[0]{1}(2)", "tilde~", "-dash", "..dots..",
    "back`tick", "dollar$HOME", "star*", "pipe|caret^", "<angle>", "gr\u00fc\u00dfe", "e\u0301 decomposed",
    "\u65e5\u672c\u8a9e", "\U0001f680", "noext.", ".hidden", "UPPER", "upper",
]


def seeded_bytes(seed, size):
    return random.Random(seed).randbytes(size)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def md5(data):
    return hashlib.md5(data).hexdigest()


def multipart_etag(parts):
    """The ETag S3 gives an object made of these parts, in quotes."""
    sums = b"".join(hashlib.md5(part).digest() for part in parts)
    return f'"{hashlib.md5(sums).hexdigest()}-{len(parts)}"'


def slices(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


def write_file(path, seed, size):
    path.parent.mkdir(parents=True, exist_ok=True)
    data = seeded_bytes(seed, size)
    path.write_bytes(data)
    os.utime(path, (FILE_TIME, FILE_TIME))
    return data


def write_tree(root, seed, files=300):
    """Writes `files` files with plain and odd names in nested folders; one is empty, one takes several parts."""
    choose = random.Random(seed)
    folders = ["", "a", "a/b", "a/b/c d", "odd +%&#", "\u00fc/\u65e5"]
    special = [("empty", 0), ("several parts", 17 * MIB + 1)]
    odd = [(f"{choose.choice(folders)}/{name}".lstrip("/"), choose.randrange(1, 4 * KIB)) for name in ODD_FILE_NAMES]
    plain = [
        (f"{choose.choice(folders)}/file {number:04}.bin".lstrip("/"), choose.randrange(1, 40 * KIB))
        for number in range(files - len(odd) - len(special))
    ]
    for name, size in special + odd + plain:
        write_file(root / name, f"{seed}/{name}", size)
    return root


def tree_sums(root):
    """Path under `root` -> SHA-256, for every file: two equal trees give equal dictionaries."""
    sums = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                sums[os.path.relpath(path, root)] = hashlib.file_digest(file, "sha256").hexdigest()
    return sums


def _reflected_crc(data, polynomial, bits):
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
        table.append(value)
    mask = (1 << bits) - 1
    crc = mask
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return (crc ^ mask).to_bytes(bits // 8, "big")


CHECKSUMS = {
    "CRC32": lambda data: _reflected_crc(data, 0xEDB88320, 32),
    "CRC32C": lambda data: _reflected_crc(data, 0x82F63B78, 32),
    "CRC64NVME": lambda data: _reflected_crc(data, 0x9A6C9329AC4BC9B5, 64),
    "SHA1": lambda data: hashlib.sha1(data).digest(),
    "SHA256": lambda data: hashlib.sha256(data).digest(),
}
