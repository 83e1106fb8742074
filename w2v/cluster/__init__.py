"""Several machines: connecting to a Dask cluster, and running pure tasks on its workers."""
