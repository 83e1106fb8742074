"""What generates with a network: fused kernels if its mixer is attention, else the layers themselves."""

from __future__ import annotations

from typing import TypeAlias

from w2v.neural.generation.plain import PlainDecoder, PlainTranslator
from w2v.neural.generation.transformer import FusedDecoder, FusedTranslator
from w2v.neural.models import Config, TranslatorConfig
from w2v.neural.parameters import ParameterTable

GeneratingDecoder: TypeAlias = FusedDecoder | PlainDecoder
GeneratingTranslator: TypeAlias = FusedTranslator | PlainTranslator


def decoder_of(config: Config, parameters: ParameterTable) -> GeneratingDecoder:
    """Return what goes on writing with a language model; parameters are float32."""
    kind = FusedDecoder if config.decoder.mixer == "attention" else PlainDecoder
    return kind(config, parameters)


def translator_of(config: TranslatorConfig, parameters: ParameterTable) -> GeneratingTranslator:
    """Return what translates; parameters are float32."""
    mixers = {config.encoder.mixer, config.decoder.mixer}
    return FusedTranslator(config, parameters) if mixers == {"attention"} else PlainTranslator(config, parameters)
