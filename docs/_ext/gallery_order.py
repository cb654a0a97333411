"""Order of the tutorials and examples, and what each of them starts with."""

import torch

N_THREADS = torch.get_num_threads()

PLACES = (
    "plot_expression_study.py",
    "plot_single_cells.py",
    "plot_machine_learning.py",
    "plot_quickstart.py",
    "plot_genome_map.py",
    "plot_missing_members.py",
    "plot_grid_search.py",
    "plot_cluster.py",
    "plot_notebook.py",
)


class ByPlace:
    """Sort key: the place in the list above; examples that are not there come last."""

    def __init__(self, src_dir):
        pass

    def __call__(self, filename):
        place = PLACES.index(filename) if filename in PLACES else len(PLACES)
        return place, filename


def reset_threads(gallery_conf, fname):
    """Undo what an example does to torch's threads.

    All run in one process, and libraries set the number for all that follow.
    """
    torch.set_num_threads(N_THREADS)
