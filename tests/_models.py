"""Small models of every kind that can be saved, and what they give."""

import pickle

import joblib
import numpy as np
import pandas as pd
import skops.io
from sklearn.pipeline import make_pipeline

from sk_gene2vec import GeneEmbedding, GeneSetEncoder, GeneSets, GmtVectorizer
from sk_gene2vec.datasets import GeneAliases

SAMPLES = ["HK1", "PKM", "P53", "Trp53", "CASP3"]

GENE_SETS = GeneSets(
    {
        "APOPTOSIS": ["CASP3", "CASP8", "BAX", "BCL2", "TP53"],
        "CELL_CYCLE": ["CDK1", "CDK2", "CCNB1", "TP53", "MDM2", "CDKN1A"],
        "DNA_REPAIR": ["BRCA1", "BRCA2", "RAD51", "ATM", "TP53"],
        "EMPTY": [],
        "GLYCOLYSIS": ["HK1", "HK2", "PFKM", "PKM", "LDHA"],
        "HYPOXIA": ["VEGFA", "HK1", "HK2", "LDHA", "PFKM", "CDKN1A"],
        "P53 PATHWAY, größer": ["TP53", "MDM2", "CDKN1A", "BAX", "ATM", "C1orf226"],
        "Mm": ["Trp53", "Mdm2"],
        "RESPONSE": ["TP53", "MDM2", "CDKN1A", "BAX", "ATM", "HK1", "HK2", "CASP3"],
        "ALL": ["TP53", "MDM2", "CDKN1A", "BAX", "ATM", "HK1", "HK2", "LDHA", "CDK1"],
    },
    {"APOPTOSIS": "death of cells", "GLYCOLYSIS": "https://example.org/glycolysis"},
    attrs={"name": "by hand"},
)


def make_models():
    """Fit one object of every class that can be saved, of every kind of encoder."""
    aliases = GeneAliases({"P53": "TP53", "CASP": ("CASP3", "CASP8")})
    vectorizer = GmtVectorizer(GENE_SETS, aliases=aliases, dtype=np.float64)
    X = vectorizer.fit_transform(GENE_SETS.genes)
    named = pd.DataFrame(X.toarray(), columns=vectorizer.get_feature_names_out())
    common = {"max_epochs": 5, "lr": 0.05, "random_state": 0, "precision": "float32"}
    encoder = GeneSetEncoder(4, device="cpu", **common).fit(named)
    deep = GeneSetEncoder(
        3,
        activation="relu",
        hidden_layer_sizes=(5,),
        **common,
    ).fit(X)
    return {
        "gene_sets": GENE_SETS,
        "vectorizer": vectorizer,
        "encoder": encoder,
        "deep": deep,
        "one_hot": GeneSetEncoder(
            3, gene_input="one-hot", activation="tanh", **common
        ).fit(X[:-3]),
        "unfitted": GeneSetEncoder(7, gene_input="one-hot", hidden_layer_sizes=[4]),
        "embedding": GeneEmbedding.from_pipeline(make_pipeline(vectorizer, deep)),
    }


def outputs(models):
    """Compute what is to stay the same, as arrays without objects."""
    vectorizer, encoder = models["vectorizer"], models["encoder"]
    X = vectorizer.transform(SAMPLES)
    named = pd.DataFrame(X.toarray(), columns=vectorizer.get_feature_names_out())
    similar = models["embedding"].most_similar("TP53", topn=3)
    return {
        "gene_sets": np.array(
            ["\t".join(genes) for genes in models["gene_sets"].values()]
        ),
        "descriptions": np.array(list(models["gene_sets"].descriptions.values())),
        "names": vectorizer.get_feature_names_out().astype(str),
        "genes": vectorizer.genes_.astype(str),
        "X": X.toarray(),
        "encoder": encoder.transform(named),
        "encoder_proba": encoder.predict_proba(named),
        "deep": models["deep"].transform(X),
        "deep_proba": models["deep"].predict_proba(X),
        "one_hot": models["one_hot"].transform(X),
        "one_hot_proba": models["one_hot"].predict_proba(X),
        "unfitted": np.array(models["unfitted"].get_params()["hidden_layer_sizes"]),
        "embedding": models["embedding"][["TP53", "HK1"]],
        "similar": np.array([gene for gene, _ in similar]),
        "similarity": np.array([similarity for _, similarity in similar]),
    }


def save(models, folder):
    """Write the models in the three formats, and their outputs."""
    folder.mkdir()
    with (folder / "models.pickle").open("wb") as file:
        pickle.dump(models, file)
    joblib.dump(models, folder / "models.joblib", compress=True)
    skops.io.dump(models, folder / "models.skops", compression=8)
    np.savez_compressed(folder / "outputs.npz", **outputs(models))
