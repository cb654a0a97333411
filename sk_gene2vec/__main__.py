"""Run the command line: `python -m sk_gene2vec`."""

import sys

from sk_gene2vec.cli import main

if __name__ == "__main__":
    sys.exit(main())
