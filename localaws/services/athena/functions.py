"""Trino's functions: their names, and as DuckDB macros those whose meaning differs from DuckDB's.

How calls are rewritten to these macros is dialect.py's business.
"""

from __future__ import annotations

from importlib.resources import files

#: Functions a query may call. A DuckDB function that Athena lacks must not pass here by accident.
TRINO_FUNCTIONS = frozenset(
    """
    abs acos all_match any_match any_value approx_distinct approx_percentile arbitrary array_agg
    array_distinct array_except array_intersect array_join array_max array_min array_position
    array_remove array_sort array_union arrays_overlap asin at_timezone atan atan2 avg bit_count
    bitwise_and bitwise_and_agg bitwise_not bitwise_or bitwise_or_agg bitwise_xor bool_and bool_or
    cardinality cast cbrt ceil ceiling char2hexint chr coalesce codepoint concat concat_ws
    contains contains_sequence corr cos cosh cosine_similarity count count_if covar_pop covar_samp
    crc32 cume_dist current_date current_time current_timestamp current_timezone current_user date
    date_add date_diff date_format date_parse date_trunc day day_of_month day_of_week day_of_year
    degrees dense_rank dow doy e element_at entropy every exp extract filter first_value flatten
    floor format_datetime from_base from_base64 from_hex from_iso8601_date from_iso8601_timestamp
    from_unixtime from_utf8 geometric_mean greatest grouping hamming_distance histogram hour
    hour if infinity is_finite is_infinite is_nan json_array_contains json_array_get
    json_array_length json_extract json_extract_scalar json_format json_parse json_size kurtosis
    lag last_day_of_month last_value lead least length levenshtein_distance listagg ln localtime
    localtimestamp log log10 log2 lower lpad ltrim map map_agg map_concat map_entries map_filter
    map_from_entries map_keys map_values max max_by md5 millisecond min min_by minute mod month
    multimap_agg nan none_match normalize now nth_value ntile nullif parse_datetime percent_rank
    pi pow power quarter radians rand random rank reduce regexp_count regexp_extract
    regexp_extract_all regexp_like regexp_position regexp_replace regexp_split regr_intercept
    regr_slope repeat replace reverse round row row_number rpad rtrim second sequence sha1 sha256
    sha512 sign sin sinh skewness slice split split_part sqrt starts_with stddev stddev_pop
    stddev_samp strpos substr substring sum tan tanh to_base64 to_hex to_iso8601 to_unixtime
    to_utf8 transform transform_keys transform_values translate trim truncate try try_cast unnest
    upper url_decode url_encode uuid var_pop var_samp variance week week_of_year width_bucket
    with_timezone year year_of_week yow zip_with
    """.split()  # noqa: SIM905 - 200 quoted names would hide the list
)

#: Known to Trino and refused here by name, because an answer could not be Athena's.
REFUSED_FUNCTIONS = frozenset(
    """
    approx_most_frequent approx_set checksum classify evaluate_classifier_predictions
    hmac_sha256 learn_classifier merge murmur3 numeric_histogram qdigest_agg tdigest_agg typeof
    value_at_quantile xxhash64
    """.split()  # noqa: SIM905 - as above
)

#: Plain renames, applied where sqlglot leaves the Trino name standing.
RENAMED = {
    "every": "bool_and", "is_finite": "isfinite", "is_infinite": "isinf", "year_of_week": "isoyear",
    "yow": "isoyear", "week_of_year": "weekofyear", "hamming_distance": "hamming",
    "array_union": "trino_array_union", "current_timezone": "trino_current_timezone",
    "codepoint": "unicode",
}  # fmt: skip

#: How every connection is set up before it answers as Athena.
SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET integer_division = true",
    "SET autoinstall_known_extensions = false",
    "SET parquet_metadata_cache = true",
)

#: Run once for each database; the macros are in a file of their own.
MACROS = files(__package__).joinpath("macros.sql").read_text(encoding="utf-8")
