"""Several machines: where a cluster of Dask is, and what runs pure tasks on its workers."""
