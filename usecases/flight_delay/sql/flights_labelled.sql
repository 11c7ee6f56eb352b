-- One row per flight that arrived: what was known one hour before its scheduled departure, and
-- whether it came more than 15 minutes late. Cancelled and diverted flights never arrive: left out.
SELECT
  flight_id,
  date_add('hour', -1, scheduled_at) AS event_time,
  carrier,
  origin,
  dest,
  tailnum,
  hour AS sched_hour,
  day_of_week(CAST(dt AS date)) AS day_of_week,
  distance,
  CAST(arr_delay > 15 AS integer) AS arr_delayed
FROM nycflights.flights
WHERE
  -- dt is the local day, behind UTC: midnight UTC of the window is still the day before in New York.
  dt BETWEEN date_format(date_add('day', -1, :window_start), '%Y-%m-%d')
  AND date_format(date_add('second', -1, :window_end), '%Y-%m-%d')
  AND date_add('hour', -1, scheduled_at) >= :window_start
  AND date_add('hour', -1, scheduled_at) < :window_end
  AND arrived_at <= :as_of
  AND arr_delay IS NOT NULL
