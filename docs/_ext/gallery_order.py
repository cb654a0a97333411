"""Order of the tutorials and examples: first things first."""

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
