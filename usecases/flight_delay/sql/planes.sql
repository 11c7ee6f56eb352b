-- The aircraft register. It carries no dates of its own: every plane counts as known from the first
-- day of the data.
SELECT
  tailnum,
  TIMESTAMP '2013-01-01 00:00:00' AS event_time,
  CAST(year AS double) AS plane_year,
  seats,
  engines
FROM nycflights.planes
