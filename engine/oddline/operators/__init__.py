"""The bottom layer of the engine: small numerical parts that pipelines are made of.

Each module holds one idea as plain functions or a frozen value: windows and the way their
scores reach rows, scaling, stationarity, lagged products, forecasters, neighbours, isolation.
"""
