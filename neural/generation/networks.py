"""Choose how to generate: with fused kernels if the mixer is attention, else with the layers themselves."""

from __future__ import annotations

from typing import TypeAlias

from w2v.neural.configs import Config, TranslatorConfig
from w2v.neural.generation.plain import PlainDecoder, PlainTranslator
from w2v.neural.generation.transformer import FusedDecoder, FusedTranslator
from w2v.neural.parameters import ParameterTable

GeneratingDecoder: TypeAlias = FusedDecoder | PlainDecoder
GeneratingTranslator: TypeAlias = FusedTranslator | PlainTranslator


def decoder_of(config: Config, parameters: ParameterTable) -> GeneratingDecoder:
    """Return a decoder for a language model; parameters must be float32."""
    kind = FusedDecoder if config.decoder.mixer == "attention" else PlainDecoder
    return kind(config, parameters)


def translator_of(config: TranslatorConfig, parameters: ParameterTable) -> GeneratingTranslator:
    """Return a decoder for a translator; parameters must be float32."""
    mixers = {config.encoder.mixer, config.decoder.mixer}
    return FusedTranslator(config, parameters) if mixers == {"attention"} else PlainTranslator(config, parameters)
