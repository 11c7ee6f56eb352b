-- Weather at each airport of departure, available half an hour after it was observed.
SELECT
  origin,
  date_add('minute', 30, observed_at) AS event_time,
  max(temp) AS temp,
  max(dewp) AS dewp,
  max(humid) AS humid,
  max(wind_speed) AS wind_speed,
  max(precip) AS precip,
  max(pressure) AS pressure,
  min(visib) AS visib
FROM nycflights.weather
WHERE
  dt BETWEEN date_format(date_add('day', -1, :window_start), '%Y-%m-%d')
  AND date_format(date_add('second', -1, :window_end), '%Y-%m-%d')
  AND date_add('minute', 30, observed_at) >= :window_start
  AND date_add('minute', 30, observed_at) < :window_end
  AND date_add('minute', 30, observed_at) <= :as_of
GROUP BY origin, observed_at
