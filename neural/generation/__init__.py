"""Autoregressive generation: decoding algorithms that only need a step function, and the steps of a Transformer.

`sequential.greedy`, `sequential.sample` and `beam.beam` take a `state.State`, whatever the network behind it.
`transformer.FusedTranslator` and `transformer.FusedDecoder` create fast states; `plain.PlainState` uses the layers
themselves, with any mixer. `networks` chooses between them.
"""
