"""Sheets are readable in every encoding that people save them in."""

from pathlib import Path

import pytest

from jobs.sheet.reader import SheetError, open_sheet
from jobs.sheet.text.encodings import detect
from runner.catalogue.findings import finding_text

CHINESE = "提示词,风格\n一只小猫坐在窗边看雨,水彩\n高端护肤品主图，白色背景,摄影\n"
TAIWAN = "提示詞,風格\n一隻小貓坐在窗邊看雨,水彩\n高級保養品主圖，白色背景,攝影\n"
JAPANESE = "プロンプト,スタイル\n窓辺に座って雨を見る子猫,水彩\n白い背景の化粧品,写真\n"
KOREAN = "프롬프트,스타일\n창가에 앉아 비를 보는 고양이,수채화\n하얀 배경의 화장품,사진\n"
GERMAN = "prompt,note\nein Mädchen mit Äpfeln – größer,schön\nniño en la montaña,été déjà\n"
RUSSIAN = "подсказка,стиль\nкотёнок сидит у окна и смотрит на дождь,акварель\n"


def write(path: Path, text: str, encoding: str, mark: bytes = b"") -> Path:
    path.write_bytes(mark + text.encode(encoding))
    return path


def cells(path: Path, **options: str) -> list[list[object]]:
    return [list(row) for _, row in open_sheet(path, **options).rows()]


def expected(text: str) -> list[list[str]]:
    return [line.split(",") for line in text.splitlines()[1:]]


@pytest.mark.parametrize(
    ("text", "encoding", "mark", "label"),
    [
        (CHINESE, "utf-8", b"", "UTF-8"),
        (CHINESE, "utf-8", b"\xef\xbb\xbf", "UTF-8"),
        (CHINESE, "utf-16-le", b"\xff\xfe", "UTF-16"),
        (CHINESE, "utf-16-be", b"\xfe\xff", "UTF-16"),
        (CHINESE, "utf-32-le", b"\xff\xfe\0\0", "UTF-32"),
        (CHINESE, "utf-16-le", b"", "UTF-16"),
        (CHINESE, "utf-16-be", b"", "UTF-16"),
        ("prompt,n\na cat,1\n", "utf-16-le", b"", "UTF-16"),
        (CHINESE, "gb18030", b"", "GB18030 (GBK)"),
        (CHINESE, "gbk", b"", "GB18030 (GBK)"),
        (CHINESE, "gb18030", b"\x84\x31\x95\x33", "GB18030 (GBK)"),
        (TAIWAN, "big5", b"", "Big5"),
        (JAPANESE, "cp932", b"", "Shift-JIS"),
        (JAPANESE, "euc_jp", b"", "EUC-JP"),
        (KOREAN, "cp949", b"", "EUC-KR (CP949)"),
        (GERMAN, "cp1252", b"", "Windows-1252"),
        (RUSSIAN, "cp1251", b"", "Windows-1251"),
    ],
)
def test_an_encoding_is_found_and_reads_back_the_text(
    tmp_path: Path, text: str, encoding: str, mark: bytes, label: str
) -> None:
    path = write(tmp_path / "sheet.csv", text, encoding, mark)
    sheet = open_sheet(path)
    assert sheet.layout.encoding == label
    assert sheet.layout.headers == tuple(text.splitlines()[0].split(","))
    assert cells(path) == expected(text)


def test_rows_in_gbk_behind_much_english_are_found(tmp_path: Path) -> None:
    text = "prompt,style\n" + "a quiet cat on a mat,plain\n" * 12_000 + "一只小猫坐在窗边,水彩\n"
    path = write(tmp_path / "sheet.csv", text, "gbk")
    assert cells(path)[-1] == ["一只小猫坐在窗边", "水彩"]


@pytest.mark.parametrize(("encoding", "word"), [("gbk", "水彩"), ("big5", "水彩")])
def test_one_short_cell_among_english_rows_is_enough(
    tmp_path: Path, encoding: str, word: str
) -> None:
    text = "prompt,style\n" + "a cat,plain\n" * 50 + f"a dog,{word}\n"
    assert cells(write(tmp_path / "sheet.csv", text, encoding))[-1] == ["a dog", word]


@pytest.mark.parametrize(
    ("text", "encoding", "label"),
    [
        (CHINESE, "utf-8", "UTF-8"),
        (CHINESE, "gbk", "GB18030 (GBK)"),
        (TAIWAN, "big5", "Big5"),
        (JAPANESE, "cp932", "Shift-JIS"),
        (KOREAN, "cp949", "EUC-KR (CP949)"),
    ],
)
def test_a_cut_character_is_named_by_its_line(
    tmp_path: Path, text: str, encoding: str, label: str
) -> None:
    lines = (text + "".join(text.splitlines(keepends=True)[1:]) * 40).encode(encoding).split(b"\n")
    # Half a character before an ASCII character that is no second byte in any multi-byte encoding.
    lines[61] = lines[61].replace(b",", lines[1][:1] + b" ,", 1)
    path = tmp_path / "sheet.csv"
    path.write_bytes(b"\n".join(lines))
    assert detect(path).label == label
    with pytest.raises(SheetError) as caught:
        open_sheet(path)
    bad = [finding for finding in caught.value.findings if finding.severity == "error"]
    assert [finding.kind for finding in bad] == ["undecodable_line"]
    assert "line 62" in finding_text(bad[0]).message
    assert label in finding_text(bad[0]).expected


def test_many_bad_lines_are_named_up_to_twenty_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    good = "提示词是一只小猫坐在窗边看雨\n".encode() * 200
    path.write_bytes(b"prompt\n" + good + b"bad \xff\n" * 30)
    with pytest.raises(SheetError) as caught:
        open_sheet(path)
    assert len(caught.value.findings) == 21
    assert "10 more lines" in finding_text(caught.value.findings[-1]).message


def test_the_users_encoding_wins(tmp_path: Path) -> None:
    path = write(tmp_path / "sheet.csv", "prompt\nпривет\n", "koi8-r")
    assert cells(path, encoding="koi8-r") == [["привет"]]


def test_gb2312_by_name_reads_characters_of_its_supersets(tmp_path: Path) -> None:
    path = write(tmp_path / "sheet.csv", "prompt\n喆镕堃\n", "gb18030")
    assert cells(path, encoding="gb2312") == [["喆镕堃"]]


def test_a_wrong_given_encoding_names_the_line(tmp_path: Path) -> None:
    path = write(tmp_path / "sheet.csv", "prompt\na cat\n窗边的猫\n", "gbk")
    with pytest.raises(SheetError, match="line 3"):
        open_sheet(path, encoding="utf-8")


@pytest.mark.parametrize("name", ["klingon", "rot13", "punycode", "unicode_escape", "a\0b", ""])
def test_an_unknown_encoding_is_refused(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "sheet.csv", "prompt\na cat\n", "utf-8")
    with pytest.raises(SheetError) as caught:
        open_sheet(path, encoding=name)
    assert caught.value.findings[0].kind == "unknown_encoding"


@pytest.mark.parametrize("mark", [b"\xff\xfe", b""])
def test_a_lone_surrogate_in_utf16_is_named(tmp_path: Path, mark: bytes) -> None:
    path = tmp_path / "sheet.csv"
    text = "prompt,n\na cat,1\n".encode("utf-16-le")
    path.write_bytes(mark + text + b"\x3d\xd8" + "x,2\n".encode("utf-16-le"))
    with pytest.raises(SheetError, match="line 3"):
        open_sheet(path)


def test_a_surrogate_written_as_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes("prompt\n小猫坐在窗边看雨\n".encode() + b"cut \xed\xa0\xbd\n")
    with pytest.raises(SheetError, match="line 3"):
        open_sheet(path)


def test_a_nul_character_is_kept_and_named(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes(b"id,prompt\n" + b"1,an ordinary row\n" * 3 + b"2,a\0cat\n")
    sheet = open_sheet(path)
    assert list(sheet.rows())[-1] == (5, ["2", "a\0cat"])
    assert [(f.kind, f.severity, finding_text(f).found) for f in sheet.findings] == [
        ("nul_character", "warning", "NUL in line 5")
    ]


def test_binary_rubbish_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes(bytes(range(256)) * 8 + b"\0" * 4096)
    with pytest.raises(SheetError):
        open_sheet(path)


def test_a_guess_from_one_byte_encodings_is_a_warning(tmp_path: Path) -> None:
    sheet = open_sheet(write(tmp_path / "sheet.csv", GERMAN, "cp1252"))
    assert ("encoding_unsure", "warning") in {(f.kind, f.severity) for f in sheet.findings}


def test_a_file_that_changes_after_opening_is_named_not_a_traceback(tmp_path: Path) -> None:
    path = write(tmp_path / "sheet.csv", "prompt\n" + "a cat\n" * 10, "utf-8")
    sheet = open_sheet(path)
    path.write_bytes(b"prompt\n" + b"a cat\n" * 10 + b"\xff\n")
    with pytest.raises(SheetError, match="line 12"):
        list(sheet.rows())
