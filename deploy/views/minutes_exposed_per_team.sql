-- For how many minutes was a door open, by day (UTC) and team?
--
-- A report has the interval in which a door was open: from exposedSince to
-- exposedUntil, or to the last look. Reports of one service overlap: every sweep
-- reports the same open door, and a message may be delivered twice. So the intervals
-- of a service are joined first, and split at midnight afterwards; no minute of a
-- service counts twice. Between two looks at most a day apart that both found a door
-- open, it counts as open. Where the second found it closed at an unknown time, it
-- counts as open up to the first.
WITH looks AS (
  SELECT
    CONCAT(target.project, '/', target.location, '/', target.service, '/', COALESCE(target.uid, '')) AS service,
    target.labels.team AS team,
    observedAt AS seen,
    exposed = 'yes' AS exposed,
    exposedSince AS since,
    COALESCE(exposedUntil, observedAt) AS until
  FROM `${reports}`
  -- A report that did not read the service has no uid, and is kept apart.
  WHERE target.project IS NOT NULL
),

ordered AS (
  SELECT
    *,
    LAG(seen) OVER (PARTITION BY service ORDER BY seen, until) AS seen_before,
    LAG(exposed) OVER (PARTITION BY service ORDER BY seen, until) AS exposed_before,
    FIRST_VALUE(team) OVER (PARTITION BY service ORDER BY seen DESC) AS team_now
  FROM looks
),

intervals AS (
  SELECT
    service,
    COALESCE(team_now, '(no label)') AS team,
    CASE
      WHEN exposed_before AND seen_before < since AND UNIX_SECONDS(since) - UNIX_SECONDS(seen_before) <= 86400 THEN seen_before
      ELSE since
    END AS since,
    until
  FROM ordered
  WHERE since IS NOT NULL
),

-- A new interval begins where no earlier one reaches.
begun AS (
  SELECT
    *,
    CASE WHEN since <= MAX(until) OVER (
      PARTITION BY service ORDER BY since, until ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) THEN 0 ELSE 1 END AS anew
  FROM intervals
),

numbered AS (
  SELECT
    *,
    SUM(anew) OVER (PARTITION BY service ORDER BY since, until ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS number
  FROM begun
),

joined AS (
  SELECT service, team, MIN(since) AS since, MAX(until) AS until
  FROM numbered
  GROUP BY service, team, number
)

SELECT
  day,
  team,
  COUNT(DISTINCT service) AS services,
  ROUND(SUM(
    LEAST(UNIX_SECONDS(until), UNIX_SECONDS(TIMESTAMP(day)) + 86400) - GREATEST(UNIX_SECONDS(since), UNIX_SECONDS(TIMESTAMP(day)))
  ) / 60.0) AS minutes
FROM joined, UNNEST(GENERATE_DATE_ARRAY(DATE(since), DATE(until))) AS day
GROUP BY day, team
