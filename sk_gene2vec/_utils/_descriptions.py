"""Descriptions of gene sets that tell a reader what the set is."""

import re
from collections.abc import Mapping


def telling(descriptions: Mapping[str, str]) -> dict[str, str]:
    """Leave out links, ids, and descriptions that repeat the name.

    Examples
    --------
    >>> from sk_gene2vec._utils._descriptions import telling
    >>> telling({"GO:0006915": "apoptotic process", "R1": "R-HSA-164843"})
    {'GO:0006915': 'apoptotic process'}
    >>> telling({"HYPOXIA": "https://www.gsea-msigdb.org", "M5": "M5", "A": ""})
    {}
    """
    return {
        name: text
        for name, text in descriptions.items()
        if text != name and "://" not in text and re.search("[^\\W\\d_A-Z]{3}", text)
    }
