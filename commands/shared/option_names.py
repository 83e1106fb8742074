"""Names of options: those that differ from their parameter in Python, and the names that other programs use."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import click
from click.core import ParameterSource

OPTION_NAMES = {
    "random_state": "seed",
    "alpha": "learning_rate",
    "min_alpha": "min_learning_rate",
    "alpha_hold": "learning_rate_hold",
    "holdout": "held_out",
    "dim": "hidden_size",
    "head": "output_layer",
    "precision": "dtype",
}
"""Options named differently from their parameter: one name means the same in all commands, whatever Python calls it."""

_OF_NETWORKS = {"window": "kernel_size"}
"""Options of networks named differently because, for word vectors, their parameter's name means another thing."""

_OF_TOPICS = {"n_clusters": "clusters", "n_topics": "topics", "n_words": "keywords", "splits": "split_sentences"}
"""Options of `w2v topics` named differently from their parameter."""

_OF_WORDS = {name: OPTION_NAMES[name] for name in ("random_state", "alpha", "min_alpha", "alpha_hold", "holdout")}
_IN_RECORDS = _OF_WORDS | {"holdout_loss": "held_out_loss"}
"""Names in records of trainings of word vectors: parameters, and figures that are called after them."""

_ELSEWHERE = {
    "--activation": "activation_function hidden_act",
    "--batch-tokens": "batch batch_size max_batch_tokens",
    "--batch-size": "batch per_device_train_batch_size",
    "--beam": "beam_size beams num_beams",
    "--buckets": "bucket",
    "--checkpoint-every": "save_every save_steps",
    "--clip": "clip_norm grad_clip max_grad_norm",
    "--clusters": "k n_clusters num_clusters",
    "--context": "block_size context_length context_size max_seq_len n_ctx seq_len",
    "--dtype": "quantization quantize",
    "--epochs": "epoch iter max_epochs n_epochs num_epochs num_train_epochs",
    "--evaluate-every": "eval_every eval_interval eval_steps",
    "--feed-forward": "dim_feedforward ff_size ffn_dim intermediate_size",
    "--heads": "n_head n_heads nhead num_attention_heads num_heads",
    "--hidden-size": "d_model dim embed_dim embedding_size hidden hidden_dim n_embd rnn_size",
    "--kernel-size": "window",
    "--keywords": "top_n_words",
    "--layers": "n_layer n_layers num_hidden_layers num_layers",
    "--learning-rate": "eta learning_rate_max lr",
    "--max-n": "maxn",
    "--max-time": "autotune_duration time_limit",
    "--max-tokens": "length max_length max_new_tokens max_seq_length n_predict num_tokens",
    "--max-vocab": "limit max_final_vocab top vocab_size",
    "--min-count": "cutoff min_freq min_frequency mincount",
    "--min-n": "minn",
    "--min-size": "min_cluster_size min_topic_size",
    "--n-best": "nbest num_return_sequences",
    "--negative": "neg negatives",
    "--output": "out output_dir output_file output_path save save_dir save_path",
    "--overwrite": "force overwrite_output_dir",
    "--patience": "early_stopping early_stopping_patience",
    "--progress": "show_progress_bar verbose",
    "--sample": "subsample subsampling",
    "--seed": "random_seed",
    "--smoothing": "label_smoothing",
    "--top": "k limit n n_results num_results top_k top_n topn",
    "--top-k": "topk",
    "--top-p": "nucleus topp",
    "--topics": "nr_topics num_topics",
    "--validation": "dev eval_file valid",
    "--vector-size": "dim dims dimension dimensions embedding_size size",
    "--vectors": "pretrained_vectors pretrainedvectors",
    "--vocabulary-size": "vocab_size",
    "--warmup": "warmup_ratio warmup_steps",
    "--where": "filter filters",
    "--window": "window_size ws",
    "--word-ngrams": "ngrams word_n_grams wordngrams",
    "--workers": "cores jobs n_jobs nproc num_workers processes thread threads",
}
"""Options, and names of other programs for them, or of our own parameters where they are called differently."""


_INPUTS = frozenset({"corpus", "corpus_file", "file", "input", "input_file", "text", "train", "train_file"})
"""Names of other programs for what is an argument here."""

_SINGLE_DASH = re.compile(r"-[A-Za-z][A-Za-z_-]+")


def option_name(parameter: str, *, of_network: bool = False) -> str:
    """Return the name of the option for a parameter, of word vectors or of a network."""
    names = OPTION_NAMES | _OF_NETWORKS if of_network else OPTION_NAMES
    return "--" + names.get(parameter, parameter).replace("_", "-")


def named_as_options(parameters: Mapping[str, Any], *, of_network: bool = False) -> dict[str, Any]:
    """Return parameters under the names of their options, with underscores, as `w2v info` prints them."""
    return {
        option_name(name, of_network=of_network).removeprefix("--").replace("-", "_"): value
        for name, value in parameters.items()
    }


def topics_as_options(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters of topics under the names of their options, with underscores."""
    return {(OPTION_NAMES | _OF_TOPICS).get(name, name): value for name, value in parameters.items()}


def recorded_as_options(record: Any) -> Any:
    """Return what a training of word vectors recorded, at any depth, with the names of the options.

    The names of parameters that were left out are values.
    """
    if isinstance(record, list):
        return [recorded_as_options(one) for one in record]
    if not isinstance(record, dict):
        return record
    renamed = {_IN_RECORDS.get(name, name): recorded_as_options(value) for name, value in record.items()}
    if isinstance(renamed.get("left_out"), list):
        renamed["left_out"] = [_IN_RECORDS.get(str(name), name) for name in renamed["left_out"]]
    return renamed


def with_option_names(message: str) -> str:
    """Return an error message about parameters with the names of those options that are called differently."""
    names = "|".join(sorted(OPTION_NAMES, key=len, reverse=True))
    return re.sub(rf"(?<![\w'-])({names})(?![\w'-])", lambda found: option_name(found[1]), message)


def in_options_of(command: click.Command, message: str) -> str:
    """Return a message for Python with options of a command in place of parameters.

    ``name=value`` becomes an option with its value, and the name alone an option if it has an underscore or differs
    from that of the option. A name in quotes or part of a path stays, and so does what is "in Python".
    """
    options = {str(each.name): each for each in command.params if isinstance(each, click.Option)}
    parts = re.split(r"(\bin Python\b[^;]*)", message)
    for names, ending, shown in (
        (list(options), r"=('[^']*'|\"[^\"]*\"|[\w.,+-]*\w)", lambda found: _assigned(options[found[1]], found[2])),
        (
            [name for name in options if "_" in name or name in OPTION_NAMES],
            r"(?![\w/'\"(=-]|\.\w)",
            lambda found: options[found[1]].opts[-1],
        ),
    ):
        if names:
            either = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
            parts[::2] = [re.sub(rf"(?<![\w./'\"-])({either}){ending}", shown, part) for part in parts[::2]]
    return "".join(parts)


def _assigned(option: click.Option, value: str) -> str:
    """Return an option with its value, which may be in quotes."""
    if not option.is_flag:
        value = value.strip("'\"")
        return f"{option.opts[-1]} {value}"
    return option.opts[-1] if value == "True" else [*option.secondary_opts, f"no {option.opts[-1]}"][0]


def in_our_names(error: click.ClickException) -> str:
    """Return the message of an error; if an option has another name here, the message gives it."""
    if isinstance(error, click.NoSuchOption) and error.ctx is not None:
        if answer := _answer(error.ctx.command, error.option_name):
            return f"{error.message} {answer}"
    return error.format_message()


def refuse_single_dashes(context: click.Context, arguments: Sequence[str]) -> None:
    """Raise a usage error for an option such as ``-dim``, as fastText and word2vec write them.

    Read as short options, ``-output x`` would save to "utput". The value of an option may begin with a dash, as -inf.
    """
    options = [one for one in context.command.params if isinstance(one, click.Option)]
    short = {name for one in options for name in one.opts if len(name) == 2}
    with_value = {name for one in options if not one.is_flag for name in one.opts}
    rest = itertools.takewhile(lambda one: one != "--", arguments)
    for argument in rest:
        name = argument.partition("=")[0]
        if argument in with_value:
            next(rest, None)
        elif _SINGLE_DASH.fullmatch(name):
            answer = _answer(context.command, name)
            if answer is None and name[:2] not in short:
                answer = "Names of options begin with two dashes."
            if answer is not None:
                raise click.UsageError(f"No such option {name!r}. {answer}", context)


def _answer(command: click.Command, asked: str) -> str | None:
    """Return what to write in place of an option that a command does not have; None if that is not known."""
    name = asked.lstrip("-").replace("-", "_").lower()
    ours = {opt for one in command.params for opt in one.opts}
    others = (option for option, names in _ELSEWHERE.items() if name in names.split())
    for option in ("--" + name.replace("_", "-"), option_name(name), *others):
        if option in ours:
            return f"Here it is {option}."
    arguments = [one.human_readable_name.strip("[].") for one in command.params if isinstance(one, click.Argument)]
    texts = [argument for argument in arguments if argument not in ("MODEL", "INDEX")]
    return f"Here it is the argument {texts[0]}, without an option." if name in _INPUTS and texts else None


def given_options(names: Collection[str]) -> list[str]:
    """Return those of some parameters of the running command that its command line gives, as its help calls them."""
    context = click.get_current_context()
    return [
        parameter.opts[-1] if isinstance(parameter, click.Option) else parameter.human_readable_name
        for parameter in context.command.params
        if parameter.name in names and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    ]


def refuse_given(names: Collection[str], why: str) -> None:
    """Raise a usage error if the command line has an option that would have no effect; `why` ends the sentence."""
    for option in given_options(names):
        raise click.UsageError(f"{option} {why}.")


def refuse_unused_options(reasons: Mapping[str, str]) -> None:
    """Raise a usage error if the command line has a parameter without effect; for `reasons` see `why_unused`."""
    for name, reason in reasons.items():
        refuse_given([name], with_option_names(reason))
