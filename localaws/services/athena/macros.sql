-- DuckDB macros for Trino functions whose meaning or type differs from DuckDB's own. Calls are
-- rewritten to them in translation.py, which knows that overloads cannot be told apart under
-- aggregates.

-- Trino rounds half away from zero when a double becomes an integer; DuckDB rounds to even.
CREATE MACRO trino_whole(x DOUBLE) AS round(x),
  (x TINYINT) AS x, (x SMALLINT) AS x, (x INTEGER) AS x, (x BIGINT) AS x, (x HUGEINT) AS x,
  (x VARCHAR) AS x, (x BOOLEAN) AS x;

-- Under integer_division, / is //, which fails on a zero even between doubles.
CREATE MACRO trino_divide(a, b) AS "/"(a, b);

-- A date stays a date under whole days; DuckDB makes it a timestamp.
CREATE MACRO trino_add(t DATE, i INTERVAL) AS CAST(t + i AS DATE),
  (t TIMESTAMP, i INTERVAL) AS t + i,
  (t TIMESTAMPTZ, i INTERVAL) AS t + i,
  (t INTERVAL, i INTERVAL) AS t + i;
CREATE MACRO trino_trunc(u VARCHAR, t DATE) AS CAST(date_trunc(u, t) AS DATE),
  (u VARCHAR, t TIMESTAMP) AS date_trunc(u, t),
  (u VARCHAR, t TIMESTAMPTZ) AS date_trunc(u, t);
CREATE MACRO trino_sequence(a DATE, b DATE) AS
    list_transform(generate_series(a, b, INTERVAL 1 DAY), LAMBDA x : CAST(x AS DATE)),
  (a DATE, b DATE, i INTERVAL) AS
    list_transform(generate_series(a, b, i), LAMBDA x : CAST(x AS DATE)),
  (a TIMESTAMP, b TIMESTAMP, i INTERVAL) AS generate_series(a, b, i),
  (a BIGINT, b BIGINT) AS generate_series(a, b),
  (a BIGINT, b BIGINT, i BIGINT) AS generate_series(a, b, i);

-- Not overloaded, so that they work on aggregates too: typeof() is folded away when binding.
CREATE MACRO trino_varchar(x) AS CASE typeof(x)
  WHEN 'TIMESTAMP' THEN strftime(CAST(x AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%g')
  WHEN 'TIMESTAMP WITH TIME ZONE'
    THEN strftime(CAST(x AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%g') || ' UTC'
  ELSE CAST(x AS VARCHAR) END;
CREATE MACRO to_iso8601(x) AS CASE typeof(x)
  WHEN 'DATE' THEN CAST(x AS VARCHAR)
  WHEN 'TIMESTAMP' THEN strftime(CAST(x AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%g')
  ELSE strftime(CAST(x AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%gZ') END;

CREATE MACRO width_bucket(x, lo, hi, n) AS CASE
  WHEN x IS NULL THEN NULL
  WHEN (lo <= hi AND x < lo) OR (lo > hi AND x > lo) THEN CAST(0 AS BIGINT)
  WHEN (lo <= hi AND x >= hi) OR (lo > hi AND x <= hi) THEN CAST(n + 1 AS BIGINT)
  ELSE CAST(floor(n * (CAST(x AS DOUBLE) - lo) / (CAST(hi AS DOUBLE) - lo)) AS BIGINT) + 1 END,
  (x, bins) AS CASE
  WHEN x IS NULL THEN NULL
  ELSE CAST(len(list_filter(bins, LAMBDA b : b <= x)) AS BIGINT) END;

-- No match is NULL in Trino, an empty string in DuckDB.
CREATE MACRO trino_regexp_extract(s, p, g) AS
  CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p, g) END;

CREATE MACRO map_agg(k, v) AS
  map(list(k) FILTER (WHERE k IS NOT NULL), list(v) FILTER (WHERE k IS NOT NULL));
CREATE MACRO trino_array_union(a, b) AS list_distinct(list_concat(a, b));
CREATE MACRO trino_current_timezone() AS 'UTC';
CREATE MACRO nan() AS CAST('NaN' AS DOUBLE);
CREATE MACRO infinity() AS CAST('Infinity' AS DOUBLE);
CREATE MACRO e() AS exp(1);

-- histogram(width_bucket(y, bins)), which no search of a list for every row could keep pace with.
-- DuckDB's own counts y <= bin, Trino's bin <= y: the signs change sides.
CREATE MACRO trino_bucket_counts(counted, n) AS map_from_entries(list_reverse(list_filter(
  list_transform(map_values(counted),
    LAMBDA v, i : {'k': CAST(n + 1 - i AS BIGINT), 'v': CAST(v AS BIGINT)}),
  LAMBDA e : e.v > 0)));
CREATE MACRO trino_bucket_histogram(y, bins) AS trino_bucket_counts(
  histogram(-CAST(y AS DOUBLE), list_reverse(list_transform(bins, LAMBDA b : -CAST(b AS DOUBLE)))),
  len(bins));
