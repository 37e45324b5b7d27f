"""Models by name: an OpenAI-compatible endpoint, or the LlamaIndex package of a provider."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from index.errors import UsageError
from rag.llm import DEADLINE, MAX_REPLY_TOKENS
from rag.settings import Settings

PROVIDERS = {
    "anthropic": "Anthropic", "azure_openai": "AzureOpenAI", "bedrock_converse": "BedrockConverse",
    "cerebras": "Cerebras", "cohere": "Cohere", "deepseek": "DeepSeek", "fireworks": "Fireworks",
    "gemini": "Gemini", "google_genai": "GoogleGenAI", "groq": "Groq", "huggingface_api": "HuggingFaceInferenceAPI",
    "litellm": "LiteLLM", "llama_cpp": "LlamaCPP", "mistralai": "MistralAI", "nvidia": "NVIDIA", "ollama": "Ollama",
    "openrouter": "OpenRouter", "perplexity": "Perplexity", "together": "TogetherLLM", "vertex": "Vertex",
    "watsonx": "WatsonX", "xai": "XAI",
}  # fmt: skip
"""Class that llama_index.llms.PROVIDER exports, for providers whose package is llama-index-llms-PROVIDER."""


def make_llm(settings: Settings) -> Any | None:
    """The configured model as a LlamaIndex LLM, or None where none is configured.

    ``NAME`` or ``openai:NAME`` is asked at OPENAI_BASE_URL; ``PROVIDER:NAME`` through that provider's LlamaIndex
    package, which reads its own key from the environment. Raises UsageError naming what is missing.
    """
    if not settings.model:
        return None
    provider, _, name = settings.model.partition(":")
    provider = provider.replace("-", "_").lower()
    if provider in PROVIDERS and name:
        return _from_package(provider, name)
    if provider != "openai" or not name:
        name = settings.model  # the model names of local servers hold colons ("llama3:8b")
    if not settings.api_key and not settings.base_url:
        raise UsageError(f"model {name} needs OPENAI_API_KEY, or OPENAI_BASE_URL for a local server; or use --no-llm")
    from llama_index.llms.openai_like import OpenAILike

    return OpenAILike(
        model=name,
        api_key=settings.api_key or "none",  # local servers want none, the client insists on some text
        api_base=settings.base_url or "https://api.openai.com/v1",
        is_chat_model=True,
        temperature=0.0,
        max_tokens=MAX_REPLY_TOKENS,
        max_retries=0,  # see rag/llm.py
        timeout=DEADLINE,
        additional_kwargs={"stream_options": {"include_usage": True}},
    )


def _from_package(provider: str, name: str) -> Any:
    package = f"llama-index-llms-{provider.replace('_', '-')}"
    try:
        module = importlib.import_module(f"llama_index.llms.{provider}")
    except ImportError as e:
        raise UsageError(f"model {provider}:{name} needs a package: pip install {package}") from e
    try:
        return getattr(module, PROVIDERS[provider])(model=name)
    except Exception as e:  # each package has its own way of missing a key
        detail = " ".join(str(e).split())[:160] or type(e).__name__
        raise UsageError(f"model {provider}:{name} cannot be set up ({detail}); see {package}") from e
