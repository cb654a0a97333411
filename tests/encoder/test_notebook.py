"""The run of the notebook "Gene2Vec in Pytorch: Part 1" on its own data."""

from sk_gene2vec import GeneSetEncoder, GmtVectorizer, read_gmt


def test_hallmark_loss_is_at_or_below_the_notebooks(msigdb_file):
    gene_sets = read_gmt(msigdb_file("h.all.v7.0.symbols.gmt"))
    X = GmtVectorizer(gene_sets).fit_transform(gene_sets.genes)
    assert X.shape == (4384, 50)
    encoder = GeneSetEncoder(
        embedding_dim=20,
        gene_input="one-hot",
        activation="relu",
        hidden_layer_sizes=(10,),
        lr=0.01,
        max_epochs=100,
        batch_size=1000,
        dropout=0.0,
        weight_decay=0.0,
        random_state=0,
    ).fit(X)
    assert encoder.loss_curve_[80] <= 0.0586
    assert encoder.embedding_.shape == (4384, 20)
