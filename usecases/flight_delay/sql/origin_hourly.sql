-- How late the flights out of each airport were that arrived within the last three hours, hour by
-- hour. Only arrivals count: an outcome is known when the flight is down, not when it leaves.
WITH arrived AS (
  SELECT
    origin,
    date_trunc('hour', arrived_at) AS arrived_hour,
    dep_delay
  FROM nycflights.flights
  WHERE
    -- A flight of the local day before yesterday may land today, if it left a day late.
    dt BETWEEN date_format(date_add('day', -2, :window_start), '%Y-%m-%d')
    AND date_format(date_add('second', -1, :window_end), '%Y-%m-%d')
    AND arrived_at <= :as_of
    AND dep_delay IS NOT NULL
),
hours AS (
  SELECT 1 AS later
  UNION ALL
  SELECT 2 AS later
  UNION ALL
  SELECT 3 AS later
),
recent AS (
  SELECT
    arrived.origin,
    date_add('hour', hours.later, arrived.arrived_hour) AS event_time,
    arrived.dep_delay
  FROM arrived
  CROSS JOIN hours
)
SELECT
  origin,
  event_time,
  CAST(count(*) AS bigint) AS recent_arrivals,
  avg(dep_delay) AS recent_mean_delay,
  avg(CASE WHEN dep_delay > 15 THEN 1.0E0 ELSE 0.0E0 END) AS recent_delayed_share
FROM recent
WHERE
  event_time >= :window_start
  AND event_time < :window_end
  AND event_time <= :as_of
GROUP BY origin, event_time
