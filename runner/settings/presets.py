"""Providers that need no settings file: address and headers, as their own pages name them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

AS_OF = "2026-11-30"  # state of the public documentation; no address was called from here


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What is known of a provider. No base URL: everybody has an address of their own there."""

    base_url: str | None
    source: str
    headers: Mapping[str, str] = field(default_factory=dict)


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "wenwen": Preset(
            base_url="https://api.wenwen-ai.com",
            source="https://api.wenwen-ai.com",
        ),
        "openai": Preset(
            base_url="https://api.openai.com",
            source="https://platform.openai.com/docs/api-reference",
        ),
        "anthropic": Preset(
            base_url="https://api.anthropic.com",
            source="https://docs.anthropic.com/en/api/overview",
            headers={"x-api-key": "{key}"},
        ),
        "gemini": Preset(
            base_url="https://generativelanguage.googleapis.com/v1beta/openai",
            source="https://ai.google.dev/gemini-api/docs/openai",
        ),
        "openrouter": Preset(
            base_url="https://openrouter.ai/api",
            source="https://openrouter.ai/docs/quickstart",
        ),
        "siliconflow": Preset(
            base_url="https://api.siliconflow.cn",
            source="https://docs.siliconflow.cn/cn/api-reference",
        ),
        "dashscope": Preset(
            base_url="https://dashscope.aliyuncs.com/compatible-mode",
            source="https://help.aliyun.com/en/model-studio/compatibility-of-openai-with-dashscope",
        ),
        "volcengine": Preset(
            base_url="https://ark.cn-beijing.volces.com/api/v3",
            source="https://www.volcengine.com/docs/82379",
        ),
        "deepseek": Preset(
            base_url="https://api.deepseek.com",
            source="https://api-docs.deepseek.com",
        ),
        "zhipu": Preset(
            base_url="https://open.bigmodel.cn/api/paas/v4",
            source="https://docs.bigmodel.cn",
        ),
        "moonshot": Preset(
            base_url="https://api.moonshot.cn",
            source="https://platform.moonshot.cn/docs",
        ),
        "azure": Preset(
            base_url=None,  # https://RESOURCE.openai.azure.com/openai/v1
            source="https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle",
            headers={"api-key": "{key}"},
        ),
        "litellm": Preset(
            base_url="http://localhost:4000",
            source="https://docs.litellm.ai/docs/simple_proxy",
        ),
        "ollama": Preset(
            base_url="http://localhost:11434",
            source="https://docs.ollama.com/openai",
        ),
        "vllm": Preset(
            base_url="http://localhost:8000",
            source="https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
        ),
    }
)

BUILT_IN: Mapping[str, str] = MappingProxyType(
    {name: one.base_url for name, one in PRESETS.items() if one.base_url is not None}
)
"""The addresses of the providers that have one for everybody."""


def headers_of(provider: str, base_url: str) -> Mapping[str, str]:
    """The headers of a preset, if requests go to its own address or it has none."""
    preset = PRESETS.get(provider)
    fits = preset is not None and preset.base_url in {None, base_url}
    return preset.headers if preset is not None and fits else {}
