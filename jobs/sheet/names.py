"""The column names that are recognised without a --column option."""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

MAX_NAME_CHARACTERS = 300  # of a header that is compared as a name

# Space, connector and dash punctuation, control and invisible format characters.
_IGNORED = frozenset({"Zs", "Zl", "Zp", "Pc", "Pd", "Cc", "Cf"})

_NAMES: Mapping[str, tuple[str, ...]] = {
    "prompt": (
        *("prompt", "prompts", "text", "input", "user prompt", "positive prompt"),
        *("提示词", "提示語", "提示詞", "提示语", "正向提示词", "正向提示詞", "正面提示词"),
        *("画面描述", "畫面描述", "描述", "文案", "文本", "输入", "プロンプト", "프롬프트"),
    ),
    "negative_prompt": (
        *("negative prompt", "反向提示词", "反向提示詞", "负面提示词", "負面提示詞", "负向提示词"),
    ),
    "system": ("system", "system prompt", "系统提示", "系统提示词", "系統提示", "系統提示詞"),
    "endpoint": ("endpoint", "接口", "端点", "介面"),
    "model": ("model", "model name", "模型", "模型名", "模型名称", "モデル", "모델"),
    "params": ("params", "parameters", "extra params", "参数", "參數", "附加参数"),
    "image": (
        *("image", "images", "picture", "reference", "reference image", "image url"),
        *("图片", "圖片", "图像", "参考图", "參考圖", "参考图片", "垫图", "墊圖", "原图", "原圖"),
        *("图片链接", "图片地址"),
    ),
    "mask": ("mask", "蒙版", "遮罩"),
    "file": ("pdf", "audio file", "视频文件", "音频文件", "附件"),
    "documents": ("documents", "文档列表"),
    "voice": ("voice", "音色", "声音"),
    "size": ("size", "image size", "尺寸", "分辨率", "解析度", "大小"),
    "aspect_ratio": ("aspect ratio", "ratio", "比例", "宽高比", "寬高比", "画幅", "畫幅"),
    "quality": ("quality", "质量", "質量", "画质", "畫質", "品质"),
    "style": ("style", "风格", "風格"),
    "background": ("background", "背景"),
    "response_format": ("response format", "返回格式", "响应格式"),
    "output_format": ("output format", "输出格式", "输出图片格式"),
    "output_compression": ("output compression", "压缩率"),
    "input_fidelity": ("input fidelity", "保真度"),
    "moderation": ("moderation", "审核", "审核强度"),
    "n": ("n", "count", "number of images", "数量", "數量", "张数", "張數", "生成数量"),
    "seed": ("seed", "种子", "種子", "随机种子"),
    "temperature": ("temperature", "温度", "溫度"),
    "top_p": ("top p", "核采样"),
    "max_tokens": ("max tokens", "max length", "最大长度", "最大長度", "最大令牌数"),
    "max_completion_tokens": ("max completion tokens",),
    "presence_penalty": ("presence penalty", "存在惩罚"),
    "frequency_penalty": ("frequency penalty", "频率惩罚"),
    "stop": ("stop", "停止词", "停止詞"),
    "stream": ("stream", "流式", "流式输出"),
    "schema": ("schema", "json schema", "结构", "結構", "输出结构"),
    "tools": ("tools", "工具"),
    "tool_choice": ("tool choice", "工具选择"),
    "reasoning_effort": ("reasoning effort", "推理强度", "思考强度"),
    "mode": ("mode", "模式"),
    "dimensions": ("dimensions", "维度", "維度"),
    "encoding_format": ("encoding format", "编码格式"),
    "id": ("id", "编号", "編號", "uuid", "sku"),
}


def normalise(header: str) -> str:
    """The header without case, spaces, underscores, hyphens and full-width forms."""
    if len(header) > MAX_NAME_CHARACTERS:  # prose; normalising combining marks is quadratic
        return normalise(header[:MAX_NAME_CHARACTERS]) + header[MAX_NAME_CHARACTERS:]
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", header).casefold())
    kept = "".join(c for c in folded if unicodedata.category(c) not in _IGNORED)
    return unicodedata.normalize("NFKC", kept)


ALIASES: Mapping[str, str] = {
    normalise(name): field for field, names in _NAMES.items() for name in (field, *names)
}
"""Normalised header → field. `id` is the row's identity, not a request field."""


def unique_headers(headers: Sequence[str]) -> tuple[str, ...]:
    """The headers made unique: a repeated one gets a number."""
    return tuple(numbered(headers, set()))


def numbered(names: Iterable[str], taken: set[str]) -> Iterator[str]:
    """The names, each with a number behind it if it is taken; then it is taken, too."""
    next_numbers: dict[str, int] = {}
    for name in names:
        unique = name
        while unique in taken:
            number = next_numbers.get(name, 2)
            unique, next_numbers[name] = f"{name} ({number})", number + 1
        taken.add(unique)
        yield unique


_NUMBERED = re.compile(r"(.*?\D)(\d{1,4})")
_BODY = re.compile(r"body\s*\.\s*(\S.*)", re.IGNORECASE | re.DOTALL)


def split_number(name: str) -> tuple[str, int]:
    """`image2` → (`image`, 2). Only names of pictures may be numbered."""
    numbered = _NUMBERED.fullmatch(name)
    if numbered and ALIASES.get(numbered[1]) == "image":
        return numbered[1], int(numbered[2])
    return name, 0


def body_name(header: str) -> str | None:
    """The name in the request body that a `body.<name>` header gives, case and underscores kept."""
    head = unicodedata.normalize("NFKC", header[:MAX_NAME_CHARACTERS])
    found = _BODY.fullmatch((head + header[MAX_NAME_CHARACTERS:]).strip())
    return found[1] if found else None


def is_known(header: str) -> bool:
    """True if some endpoint understands this header."""
    name, _ = split_number(normalise(header))
    return name in ALIASES or body_name(header) is not None


KnownHeader: TypeAlias = Callable[[str], bool]
"""True for a header that proves that a row is the header."""


def known_or_named(names: Collection[str]) -> KnownHeader:
    """`is_known`, true also for the column names that the person's own options use."""
    named = frozenset(map(normalise, names)) - {""}
    return lambda header: is_known(header) or normalise(header) in named


def letter(index: int) -> str:
    """A column as Excel names it: 0 → A, 26 → AA."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(65 + rest) + name
    return name
