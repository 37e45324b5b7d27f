"""Loading: what is listed, what is passed over, and that decoding gives back what was written."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.errors import CorpusError
from index.load import MAX_BYTES, FileStat, decode, fingerprint, load, scan
from index.types import Document, Skipped

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX files")


def one(corpus: Path, data: bytes, name: str = "a.txt") -> Document | Skipped:
    (corpus / name).write_bytes(data)
    return load(corpus, FileStat(name, len(data), 1))


def document(corpus: Path, data: bytes) -> Document:
    loaded = one(corpus, data)
    assert isinstance(loaded, Document), loaded
    return loaded


def files(corpus: Path) -> list[str]:
    return [item.file for item in scan(corpus)[0]]


def reasons(corpus: Path) -> dict[str, str]:
    return {item.file: item.reason for item in scan(corpus)[1]}


# --- scan ---


def test_scan_lists_articles_at_any_depth_in_order(tmp_path: Path) -> None:
    for name in ["b.TXT", "a/z.md", "a/b/c.markdown", "a.txt", "é.txt"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("text", encoding="utf-8")
    found, skipped = scan(tmp_path)
    assert [item.file for item in found] == ["a.txt", "a/b/c.markdown", "a/z.md", "b.TXT", "é.txt"]
    assert skipped == []
    info = (tmp_path / "a.txt").stat()
    assert found[0] == FileStat("a.txt", 4, info.st_mtime_ns, info.st_ctime_ns)


def test_scan_says_why_it_passes_over(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"x")
    (tmp_path / "empty.txt").touch()
    (tmp_path / "big.txt").write_bytes(b"12345")
    (tmp_path / ".hidden.txt").write_bytes(b"x")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "a.txt").write_bytes(b"x")
    found, skipped = scan(tmp_path, max_bytes=4)
    assert found == []
    assert skipped == [
        Skipped("big.txt", "larger than 4 bytes"),
        Skipped("empty.txt", "empty"),
        Skipped("photo.jpg", "not .txt or .md"),
    ]


def test_scan_keeps_a_file_of_just_the_limit(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"1234")
    assert len(scan(tmp_path, max_bytes=4)[0]) == 1


@posix
def test_scan_names_the_default_limit(tmp_path: Path) -> None:
    with (tmp_path / "a.txt").open("wb") as handle:
        handle.truncate(MAX_BYTES + 1)  # sparse
    assert reasons(tmp_path) == {"a.txt": "larger than 256 MB"}


@posix
def test_scan_ends_loops_of_links(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    (corpus / "sub").mkdir(parents=True)
    (corpus / "sub" / "a.txt").write_text("x")
    (corpus / "sub" / "up").symlink_to(corpus)
    (corpus / "above").symlink_to(tmp_path)
    (corpus / "self").symlink_to("self")
    (corpus / "gone.txt").symlink_to("nowhere.txt")
    assert files(corpus) == ["sub/a.txt"]
    assert reasons(corpus) == {
        "above": "link to a folder that holds the corpus",
        "gone.txt": "broken link",
        "self": "broken link",
        "sub/up": "link to a folder already listed under another name",
    }


@posix
def test_scan_follows_links_and_keeps_a_folders_own_name(tmp_path: Path) -> None:
    corpus, other = tmp_path / "corpus", tmp_path / "other"
    (corpus / "real").mkdir(parents=True)
    other.mkdir()
    (corpus / "real" / "a.txt").write_text("x")
    (other / "b.txt").write_text("x")
    (corpus / "a-link").symlink_to(corpus / "real")  # sorts before "real"
    (corpus / "more").symlink_to(other)
    (corpus / "file.txt").symlink_to(other / "b.txt")
    assert files(corpus) == ["file.txt", "more/b.txt", "real/a.txt"]


@posix
def test_scan_and_load_never_open_a_fifo(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    (tmp_path / "null.txt").symlink_to("/dev/null")
    assert reasons(tmp_path) == {"a.txt": "not a regular file", "null.txt": "not a regular file"}
    assert load(tmp_path, FileStat("a.txt", 1, 1)) == Skipped("a.txt", "cannot be read: not a regular file")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_scan_shows_names_that_are_not_utf8(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt")).write_text("x")
    assert scan(tmp_path) == ([], [Skipped("caf\\xe9.txt", "file name is not UTF-8")])


def test_scan_reports_a_folder_it_may_not_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "locked").mkdir()
    real = os.scandir

    def refuse(path: str | Path) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert files(tmp_path) == ["a.txt"]
    assert reasons(tmp_path) == {"locked": "cannot be read: Permission denied"}
    with pytest.raises(CorpusError, match=r"cannot be read \(Permission denied\); give it read permission"):
        scan(tmp_path / "locked")


def test_scan_refuses_what_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(CorpusError, match="does not exist; give an existing folder with -c"):
        scan(tmp_path / "missing")
    with pytest.raises(CorpusError, match="is a file; give the folder that holds it with -c"):
        scan(tmp_path / "a.txt")
    with pytest.raises(CorpusError, match="cannot be read"):
        scan(tmp_path / "a\0b")


def test_nothing_is_written_below_the_corpus(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"caf\xe9\r\n")
    (tmp_path / "b.md").write_bytes(b"---\ntitle: x\n---\n")

    def state() -> list[tuple[str, int, int]]:
        paths = [tmp_path, *sorted(tmp_path.rglob("*"))]
        return [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in paths]

    before = state()
    for item in scan(tmp_path)[0]:
        load(tmp_path, item)
        fingerprint(tmp_path, item)
    assert state() == before


# --- load ---


def test_load_carries_what_it_read(tmp_path: Path) -> None:
    data = b"Title: Harbour\r\nPublished: 2021-03-04\r\n\r\nShips came.\r\n"
    got = document(tmp_path, data)
    assert got == Document(
        file="a.txt",
        text="Title: Harbour\nPublished: 2021-03-04\n\nShips came.\n",
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        mtime_ns=1,
        ctime_ns=0,
        encoding="utf-8",
        title="Harbour",
        date="2021-03-04",
        body_start=15 + 22 + 1,  # "Title: Harbour\n", "Published: 2021-03-04\n", "\n"
    )
    assert fingerprint(tmp_path, FileStat("a.txt", 0, 0)) == got.sha256


def test_load_of_a_file_that_is_gone(tmp_path: Path) -> None:
    gone = FileStat("gone.txt", 1, 1)
    assert load(tmp_path, gone) == Skipped("gone.txt", "cannot be read: No such file or directory")
    with pytest.raises(FileNotFoundError):
        fingerprint(tmp_path, gone)


def test_load_of_a_locked_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert load(tmp_path, FileStat("a.txt", 1, 1)) == Skipped("a.txt", "cannot be read: Permission denied")


@pytest.mark.parametrize("data", [b"", b" \r\n\t \n", b"\xef\xbb\xbf", b"\xff\xfe", "\u2003\n".encode()])
def test_load_of_blank_files(tmp_path: Path, data: bytes) -> None:
    assert one(tmp_path, data) == Skipped("a.txt", "empty")


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7\nplain so far",
        b"\x89PNG\r\n\x1a\n",
        b"PK\x03\x04rest",
        b"\x1f\x8b\x08rest",
        b"an article with one \0 in it, and then more of it",
        "\0".join("ab").encode("utf-16"),
        bytes(1000),
        bytes(range(1, 32)) * 20,
        bytes(range(256)) * 4,
    ],
)
def test_load_of_binary_files(tmp_path: Path, data: bytes) -> None:
    assert one(tmp_path, data) == Skipped("a.txt", "binary, not text")


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"a\nb", ["a", "b"]),
        (b"a\r\nb", ["a", "b"]),
        (b"a\rb", ["a", "b"]),
        (b"a\r\n\rb\n\r\nc", ["a", "", "b", "", "c"]),
        (b"a\r\r\nb", ["a", "", "b"]),
        ("a\u2028b\x0cc\x0bd\x85e\n".encode(), ["a\u2028b\x0cc\x0bd\x85e", ""]),
    ],
)
def test_line_ends(tmp_path: Path, data: bytes, lines: list[str]) -> None:
    assert document(tmp_path, data).text.split("\n") == lines


# --- decode ---

WESTERN = "Café owner: “Mañana”, it’s £3 or €4 – naïve, señor."
RUSSIAN = "Корабли вошли в гавань утром. Жители города встречали их на набережной с цветами и музыкой. " * 2
JAPANESE = "船は朝、港に入った。町の人々は花と音楽で迎えた。天気は晴れで、風は弱かった。" * 3
CHINESE = "船隻早上進入港口。市民帶著鮮花和音樂到碼頭迎接他們。天氣晴朗，風很小。" * 3
POLISH = "Statki wpłynęły rano do portu. Mieszkańcy miasta witali załogę, żeglarze zaś śpiewali pieśń o źródle. "


@pytest.mark.parametrize(
    ("text", "written", "named"),
    [
        (WESTERN, "utf-8", "utf-8"),
        (WESTERN, "utf-8-sig", "utf-8-sig"),
        (WESTERN, "utf-16", "utf-16"),
        (WESTERN, "utf-32", "utf-32"),
        (WESTERN, "utf-16-le", "utf-16-le"),
        (WESTERN, "utf-16-be", "utf-16-be"),
        (WESTERN, "utf-32-le", "utf-32-le"),
        (WESTERN, "utf-32-be", "utf-32-be"),
        (WESTERN, "cp1252", "cp1252"),
        ("Äußerst schöne Übung, Größe fünf.", "latin-1", "cp1252"),
        ("¿Dónde está? ¡Aquí! La 1ª vez.", "cp1252", "cp1252"),
        ("Þingið samþykkti ályktun í gær.", "cp1252", "cp1252"),
        ("L’œuvre créée où ça coûte 10 €.", "cp1252", "cp1252"),
        (RUSSIAN, "utf-16-le", "utf-16-le"),
        (RUSSIAN, "cp1251", "cp1251"),
        (RUSSIAN, "koi8-r", "koi8-r"),
        (JAPANESE, "shift_jis", "cp932"),
        (CHINESE, "big5", "big5"),
        (POLISH * 3, "cp1250", "cp1250"),
    ],
)
def test_encodings(text: str, written: str, named: str) -> None:
    assert decode(text.encode(written)) == (text, named)


@pytest.mark.parametrize("byte", range(0xA0, 0x100))
def test_one_byte_above_127_is_cp1252(byte: int) -> None:
    data = b"A short note about the har" + bytes([byte]) + b"our and its ships."
    assert decode(data) == (data.decode("cp1252"), "cp1252")


def test_a_rare_byte_in_a_long_file_is_found() -> None:
    text = "Nothing but plain words on this line.\n" * 5000 + "It cost £5 at the café."
    assert decode(text.encode("cp1252")) == (text, "cp1252")


def test_utf8_with_stray_cp1252_bytes() -> None:
    data = "“Née” – naïve. ".encode() + b"It\x92s cut: " + "é".encode()[:1]
    assert decode(data) == ("“Née” – naïve. It’s cut: Ã", "utf-8")


def test_utf16_cut_in_the_middle_of_a_character() -> None:
    text, encoding = decode(("Ships came. " * 2).encode("utf-16-le") + b"A")
    assert (text, encoding) == ("Ships came. Ships came. \ufffd", "utf-16-le")


def test_everything_else_stays() -> None:
    text = "Cafe\u0301 zero\u200bwidth, form\x0cfeed, \u2028 and \u202eturned\u202c \U0001f6a2"
    assert decode(text.encode()) == (text, "utf-8")


words = st.text(
    st.characters(
        exclude_categories=["Cs", "Cc", "Cn", "Co"],
        exclude_characters="\ufeff\ufffd",
        include_characters="\n\t",
    )
)


@given(text=words, encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
def test_text_comes_back(text: str, encoding: str) -> None:
    data = text.encode(encoding)
    if not data.startswith(b"%PDF-"):
        assert decode(data)[0] == text


@given(lines=st.lists(words.map(lambda text: text.replace("\n", ""))), end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_every_line_end_gives_the_same_text(lines: list[str], end: str) -> None:
    assert decode(end.join(lines).encode())[0] == "\n".join(lines)


@given(data=st.binary(max_size=400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
def test_no_bytes_stop_the_load(tmp_path: Path, data: bytes) -> None:
    loaded = one(tmp_path, data)
    assert isinstance(loaded, Skipped) or "\r" not in loaded.text


def test_one_nul_in_a_small_file_makes_it_binary_not_chinese(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"abc\0def zebra\n")
    (stat,), _ = scan(tmp_path)
    assert isinstance(load(tmp_path, stat), Skipped)
