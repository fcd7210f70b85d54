"""Data lake ingestion: every event, as Parquet, partitioned by type and day."""
