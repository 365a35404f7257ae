"""Searches that train one supernet whose weights all cells share, instead of asking a table.

The six of NAS-Bench-201's Table 5 (Dong and Yang, ICLR 2020), on that benchmark's cells, as its
authors' code ran them (D-X-Y/AutoDL-Projects at bb2f405, January 2020: ``lib/models/cell_searchs``,
``exps/algos``, ``configs/nas-benchmark/algos``). They need PyTorch, which is loaded when a run
starts.
"""
