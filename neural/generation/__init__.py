"""One token after another: decoders that know only how to take a step, and the steps of a Transformer.

`sequential.greedy`, `sequential.sample` and `beam.beam` are given a `state.State`, whatever network stands behind it.
`transformer.FusedTranslator` and `transformer.FusedDecoder` make fast ones; `plain.PlainState` is made of the layers
themselves, whatever mixes their hidden states. `networks` chooses.
"""
